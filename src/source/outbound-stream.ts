import { gen } from 'stream-chain';
import { StreamDigester, type DigestAlgorithm } from '../codec/digest.js';
import { limitRate } from '../codec/rate.js';
import type { OwnedFd } from '../posix/owned-fd.js';
import { readFd } from '../posix/fd-stream.js';
import type { EncodeCounts } from './report.js';

/** Takes what goes over the lanes, in order; each call is to be awaited before the next, and resolves to how many ms the lanes took. */
export interface OutboundSink {
  /** Resolves when the chunk is accepted; then it is the caller's again. */
  write(chunk: Uint8Array): Promise<number>;
  /** The same for shared memory, which is the caller's again when `giveBack` is called. */
  lend(chunk: Uint8Array, giveBack: () => void): Promise<number>;
}

/** A save stream on its way from its pipe to the lanes. Dispose of it in any case: it owns the pipe's read end. */
export interface OutboundStream extends AsyncDisposable {
  /** Bytes of the raw stream that have been read, or have been sent where it is encoded. */
  readonly rawBytes: number;
  readonly counts: { readonly codec?: EncodeCounts; readonly digestMs: number };
  /** The guest stands still: what comes goes out at once. */
  hurry(): void;
  /** Sends all of it. Rejects with what broke. */
  sendTo(sink: OutboundSink): Promise<void>;
  /** Of the whole stream, once it was sent. */
  digest(): { readonly algorithm: DigestAlgorithm; readonly hex: string };
}

export interface OutboundOptions {
  readonly source: OwnedFd;
  readonly bytesPerSecond: number | undefined;
  readonly signal: AbortSignal;
  /** The first bytes of the stream are there. */
  readonly onBegun: () => void;
}

/** A stream that goes as it is, with SHA-256. */
export class RawStream implements OutboundStream {
  readonly #digester = new StreamDigester();

  constructor(private readonly options: OutboundOptions) {}

  get rawBytes(): number {
    return this.#digester.rawBytes;
  }

  get counts(): { readonly digestMs: number } {
    return { digestMs: this.#digester.spentMs };
  }

  hurry(): void {
    // Nothing waits here.
  }

  async sendTo(sink: OutboundSink): Promise<void> {
    const { source, bytesPerSecond, signal, onBegun } = this.options;
    const stages = gen(this.#digester.stage, limitRate(bytesPerSecond, signal));
    let begun = false;
    for await (const chunk of readFd(source, signal)) {
      if (!begun) onBegun();
      begun = true;
      for await (const out of stages(chunk)) await sink.write(out);
    }
  }

  digest(): { readonly algorithm: DigestAlgorithm; readonly hex: string } {
    return { algorithm: this.#digester.algorithm, hex: this.#digester.digest() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.options.source.close();
    return Promise.resolve();
  }
}
