import { SaveStreamParser } from './parser.js';

/** Figures of a valid stream. */
export interface StreamVerdict {
  /** Of both layers, headers not counted. */
  readonly records: number;
  /** Pages whose content is in the stream. */
  readonly pages: number;
  readonly bytes: number;
}

/** Checks a stream as it arrives and keeps nothing of it: its memory does not grow with the stream. */
export class StreamVerifier {
  #records = 0;
  #pages = 0;
  readonly #parser = new SaveStreamParser({
    record: () => (this.#records += 1),
    page: () => (this.#pages += 1),
  });

  /** Checks the next bytes, which remain the caller's. @throws StreamError */
  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  /** @throws StreamError `E_STREAM_TRUNCATED` if the stream is not complete */
  end(): StreamVerdict {
    this.#parser.end();
    return { records: this.#records, pages: this.#pages, bytes: this.#parser.offset };
  }
}
