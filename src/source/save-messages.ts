import type { EncoderCounts } from '../codec/batch-encoder.js';
import type { DigestChoice } from '../codec/digest.js';
import type { ThreadError } from '../tunnel/threads/thread-messages.js';

/*
 * What is said between the main thread and the one that reads a save stream. Both are this program: nothing is checked.
 */

/** What the thread begins with. */
export interface SaveThreadData {
  /** The pipe's read end: the main thread's, which closes it once the thread does not use it any more. */
  readonly fd: number;
  readonly memory: WebAssembly.Memory | SharedArrayBuffer;
  readonly slots: number;
  /** Words of a `SaveControl`. */
  readonly control: Int32Array;
  /** The compiled encoder; absent: the one in TypeScript. */
  readonly module: WebAssembly.Module | undefined;
  readonly references: number;
  readonly findPages: boolean;
  readonly digest: { readonly algorithm: DigestChoice['algorithm']; readonly key: Uint8Array };
  readonly bytesPerSecond: number | undefined;
}

/** What reading and encoding have come to so far. ms of the thread's time. */
export interface SaveCounts {
  readonly encoder: EncoderCounts;
  readonly encodeMs: number;
  readonly digestMs: number;
  /** Time in which there was nothing to read. */
  readonly idleMs: number;
}

export type FromSaveThread =
  /** The first bytes of the stream are there. */
  | { readonly tell: 'begun' }
  /** A batch is complete, at the front of a slot, which is the main thread's until it is freed. */
  | {
      readonly tell: 'batch';
      readonly slot: number;
      readonly payloadBytes: number;
      readonly rawBytes: number;
      readonly counts: SaveCounts;
    }
  /** Every batch was told, and the pipe is not used any more. */
  | { readonly tell: 'ended'; readonly rawBytes: number; readonly hex: string; readonly counts: SaveCounts }
  /** The same, but the stream did not come to its end. */
  | { readonly tell: 'failed'; readonly error: ThreadError };
