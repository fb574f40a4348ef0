import type { Slot } from '../buffers/slot-memory.js';
import type { StreamChoice } from '../codec/agreement.js';
import type { ThreadError } from '../tunnel/threads/thread-messages.js';

/*
 * What is said between the main thread and the one that writes into a restore's pipe. Both are this program: nothing is checked.
 */

/** What the thread begins with. */
export interface WriterData {
  readonly memory: SharedArrayBuffer;
  /** A slot for unpacking. */
  readonly spare: Slot;
  /** The pipe's write end: the main thread's, which closes it once the thread has ended. */
  readonly fd: number;
  readonly readerCopies: boolean;
  readonly choice: StreamChoice;
  readonly digestKey: Uint8Array;
  /** One word, in shared memory: not 0 where the thread is to stop. */
  readonly stop: Int32Array;
}

export type ToWriter =
  /** The next batch, at the front of a slot that is the thread's from now on. */
  | { readonly do: 'write'; readonly slot: Slot; readonly bytes: number }
  /** There are no more. */
  | { readonly do: 'end' };

/** What writing has cost, in ms. */
export interface WriterCounts {
  readonly unpackMs: number;
  readonly digestMs: number;
}

export type FromWriter =
  /** So many batches more were written, and these slots are not used any more. */
  | { readonly tell: 'written'; readonly batches: number; readonly rawBytes: number; readonly free: readonly Slot[] }
  /** Everything was written; the thread does not use the pipe any more. */
  | { readonly tell: 'ended'; readonly rawBytes: number; readonly hex: string; readonly counts: WriterCounts }
  | { readonly tell: 'failed'; readonly error: ThreadError };
