import { gen } from 'stream-chain';
import { StreamDigester } from '../codec/digest.js';
import { orAborted, type Deadline } from '../errors/deadline.js';
import { FdWriter } from '../posix/fd-stream.js';
import type { OwnedFd } from '../posix/owned-fd.js';
import type { Fed, InboundChunks } from './feed.js';

/** Lanes -> digest -> pipe, for a stream that comes as it is. Dispose of it in any case. */
export class RawFeed implements AsyncDisposable {
  readonly #digester = new StreamDigester();
  readonly #writer: FdWriter;

  /** @param sink the restore's pipe; closed at the end of the stream, or with this object */
  constructor(sink: OwnedFd) {
    this.#writer = new FdWriter(sink);
  }

  /** Moves the whole stream, and closes the pipe. */
  async pump(chunks: InboundChunks, moving: Deadline, onBytes: (rawBytes: number) => void): Promise<Fed> {
    const digester = this.#digester;
    const stages = gen(digester.stage);
    const source = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await orAborted(source.next(), moving.signal);
        if (next.done === true) break;
        for await (const out of stages(next.value)) await this.#writer.write(out, moving.signal);
        moving.refresh();
        onBytes(digester.rawBytes);
      }
    } catch (error) {
      // Not waited for: a silent source ends with its lanes, which the caller ends.
      void source.return?.().catch(() => undefined);
      throw error;
    }
    await this.#writer.end(moving.signal);
    return { rawBytes: digester.rawBytes, digest: { algorithm: digester.algorithm, hex: digester.digest() } };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#writer[Symbol.dispose]();
    return Promise.resolve();
  }
}
