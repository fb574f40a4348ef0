import { ProtocolError } from '../errors/errors.js';

const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines of UTF-8 text, without their line ends. A line longer than the limit
 * is a `ProtocolError` E_PROTOCOL_LINE_TOO_LONG, thrown before more of it is kept.
 */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  readonly #limit: number;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** The lines that end in this chunk. */
  *push(chunk: Uint8Array): Generator<string, void, undefined> {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(NEWLINE, from);
      const part = chunk.subarray(from, at === -1 ? chunk.length : at);
      this.#keep(part);
      if (at === -1) return;
      yield this.#take();
      from = at + 1;
    }
  }

  /** The text after the last line end; empty if there is none. */
  rest(): string {
    return this.#take();
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#limit) {
      throw new ProtocolError('E_PROTOCOL_LINE_TOO_LONG', `a line is longer than ${this.#limit} bytes`, {
        data: { limit: this.#limit },
      });
    }
    this.#parts.push(part.slice());
  }

  #take(): string {
    const text = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#bytes = 0;
    return text;
  }
}
