import type { StreamChoice } from '../codec/agreement.js';
import type { DigestAlgorithm } from '../codec/digest.js';

/** The agreed parameters of the stream. */
export interface StreamTerms {
  readonly choice: StreamChoice;
  readonly digestKey: Buffer;
  /** Bytes that may be under way: so many batches as it is MiB. */
  readonly windowBytes: number;
}

/** The chunks that the lanes receive, in order. */
export interface InboundChunks extends AsyncIterable<Uint8Array> {
  /** A chunk's memory may be used for another. */
  release?(chunk: Uint8Array): void;
  /**
   * Before the iteration: from now on a chunk is acknowledged when `taken` says so, and not more than so many may be under
   * way. The iteration then ends once all are taken.
   */
  takeSeparately?(windowFrames: number): void;
  /** So many more chunks are processed, in their order. */
  taken?(chunks: number): void;
}

/** Figures of the restore's input. */
export interface Fed {
  readonly rawBytes: number;
  readonly digest: { readonly algorithm: DigestAlgorithm; readonly hex: string };
}
