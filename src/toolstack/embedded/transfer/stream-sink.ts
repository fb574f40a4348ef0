import { fstatSync, write } from 'node:fs';
import { promisify } from 'node:util';
import { ToolstackError } from '../../../errors/errors.js';
import { asError } from '../../../errors/message-of.js';
import { FdWriter } from '../../../posix/fd-stream.js';
import type { OwnedFd } from '../../../posix/owned-fd.js';
import type { StreamFaults } from './stream-faults.js';

const writeTo = promisify(write);

/** From this size on, a write completes only when the pipe has taken all of it: then its buffer may be reused. */
const COPY_BELOW_BYTES = 64 * 1024;

/** Destination of a save stream: a pipe or socket, with back-pressure, or a file. */
export class StreamSink implements Disposable {
  readonly #faults: StreamFaults;
  readonly #pipe: FdWriter | undefined;
  readonly #file: OwnedFd | undefined;

  /** Takes ownership of the descriptor. */
  constructor(sink: OwnedFd, faults: StreamFaults) {
    this.#faults = faults;
    const stat = fstatSync(sink.fd);
    if (stat.isFIFO() || stat.isSocket()) this.#pipe = new FdWriter(sink);
    else this.#file = sink;
  }

  /**
   * Resolves when the bytes have been handed over, and their buffer may be reused.
   * @throws ToolstackError E_TOOLSTACK_SAVE_WRITE; the signal's reason
   */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for await (const piece of this.#faults.pieces(bytes, signal)) {
      try {
        if (this.#pipe !== undefined) await this.#writePipe(this.#pipe, piece, signal);
        else await this.#writeFile(piece, signal);
      } catch (error) {
        throw this.#writeError(error, signal);
      }
    }
  }

  /** Everything is written; the reader sees the end. */
  async end(signal: AbortSignal): Promise<void> {
    try {
      await this.#pipe?.end(signal);
      this.#file?.close();
    } catch (error) {
      throw this.#writeError(error, signal);
    }
  }

  async #writePipe(pipe: FdWriter, piece: Uint8Array, signal: AbortSignal): Promise<void> {
    // A small write may be buffered inside the stream.
    await pipe.write(piece.length < COPY_BELOW_BYTES ? piece.slice() : piece, signal);
  }

  async #writeFile(piece: Uint8Array, signal: AbortSignal): Promise<void> {
    const fd = this.#file?.fd;
    if (fd === undefined) return;
    for (let done = 0; done < piece.length;) {
      signal.throwIfAborted();
      const { bytesWritten } = await writeTo(fd, piece, done, piece.length - done, null);
      done += bytesWritten;
    }
  }

  #writeError(cause: unknown, signal: AbortSignal): Error {
    if (signal.aborted) return asError(signal.reason);
    return new ToolstackError('E_TOOLSTACK_SAVE_WRITE', 'the save stream could not be written', {
      cause,
      hint: 'The reader has ended: look for the reason there.',
    });
  }

  [Symbol.dispose](): void {
    this.#pipe?.[Symbol.dispose]();
    this.#file?.close();
  }
}
