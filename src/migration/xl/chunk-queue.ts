import { AbortedError } from '../../errors/errors.js';

/** Passes one chunk at a time from a writer to a reader: the writer waits until the reader asks for the next. */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  #chunk: Uint8Array | undefined;
  #ended = false;
  #failure: Error | undefined;
  #bytes = 0;
  #wake: (() => void)[] = [];

  /** Bytes written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Passes a chunk; resolves when the reader has taken it. Rejects with the error of `fail`. */
  async put(chunk: Uint8Array): Promise<void> {
    this.#chunk = chunk;
    this.#bytes += chunk.length;
    this.#notify();
    await this.#until(() => this.#chunk === undefined);
  }

  /** Signals the end of the chunks. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Ends both sides with the error. The first one counts; after the end it has no effect on the reader. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#notify();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      for (;;) {
        await this.#until(() => this.#chunk !== undefined || this.#ended);
        const chunk = this.#chunk;
        if (chunk === undefined) return;
        this.#chunk = undefined;
        this.#notify();
        yield chunk;
      }
    } finally {
      // A reader that stops early must not leave the writer waiting.
      if (!this.#ended) this.fail(new AbortedError('the receiver has stopped reading'));
    }
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
