import type { Readable } from 'node:stream';
import { orAborted } from '../../errors/deadline.js';
import { ProtocolError, TunnelError } from '../../errors/errors.js';

/** Reads exact lengths from a stream. Takes ownership of the stream; bounded by the requested lengths. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  /** @param peer whose bytes these are, for messages */
  constructor(
    stream: Readable,
    private readonly peer: string,
  ) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  /** The next available bytes; undefined at the end. Rejects with the stream's error or the signal's reason. */
  async some(signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = new Uint8Array(0);
      return rest;
    }
    const next = await orAborted(this.#chunks.next(), signal);
    return next.done === true ? undefined : next.value;
  }

  /** Exactly this many bytes; the caller has bounded the number. @throws TunnelError `E_TUNNEL_CUT` at the end */
  async exactly(bytes: number, what: string, signal: AbortSignal): Promise<Buffer> {
    const taken = Buffer.alloc(bytes);
    let got = 0;
    while (got < bytes) {
      const chunk = await this.some(signal);
      if (chunk === undefined) {
        throw new TunnelError('E_TUNNEL_CUT', `${this.peer} ended after ${got} of the ${bytes} bytes of ${what}`);
      }
      const part = chunk.subarray(0, bytes - got);
      taken.set(part, got);
      got += part.length;
      this.#rest = chunk.subarray(part.length);
    }
    return taken;
  }

  /** Reads exactly these bytes. @throws ProtocolError `E_PROTOCOL_XL` if others arrive */
  async expect(words: Uint8Array, what: string, signal: AbortSignal): Promise<void> {
    const said = await this.exactly(words.length, what, signal);
    if (!said.equals(words)) {
      throw new ProtocolError('E_PROTOCOL_XL', `${this.peer} sent other bytes instead of ${what}`, {
        data: { said: printable(said) },
      });
    }
  }
}

function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
}
