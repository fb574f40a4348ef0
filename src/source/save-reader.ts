import { Worker } from 'node:worker_threads';
import { referenceBatches, type StreamChoice } from '../codec/agreement.js';
import { EncoderMemory } from '../codec/encoder-memory.js';
import { wasmEncoderModule } from '../codec/wasm-batch-encoder.js';
import { orAborted } from '../errors/deadline.js';
import { InvariantError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import type { OwnedFd } from '../posix/owned-fd.js';
import { threadEntry } from '../posix/thread-entry.js';
import { fromThreadError } from '../tunnel/threads/thread-messages.js';
import { SaveControl } from './save-control.js';
import type { FromSaveThread, SaveCounts, SaveThreadData } from './save-messages.js';

/** It has few objects: a small nursery has them collected soon. MiB. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 } as const;

/** Slots of batches that are made or compressed, beyond those under way on the lanes. */
const SLOTS_AHEAD = 4;

export interface SaveReaderOptions {
  /** The pipe's read end: closed once the thread does not use it any more. */
  readonly source: OwnedFd;
  readonly choice: StreamChoice;
  readonly digestKey: Buffer;
  /** Whether pages are looked for. */
  readonly findPages: boolean;
  /** Batches that may be under way on the lanes. */
  readonly windowBatches: number;
  readonly bytesPerSecond?: number | undefined;
  /** True: the encoder in TypeScript, also where there is one in WebAssembly. */
  readonly withoutWasm?: boolean | undefined;
  /** The first bytes of the stream are there. */
  readonly onBegun: () => void;
}

/** A plain batch in the reader's memory. */
export interface SavedBatch {
  /** In shared memory; good until the batch is freed. */
  readonly payload: Buffer;
  readonly rawBytes: number;
  readonly slot: number;
  /** Time in which the thread had nothing to read, up to this batch. ms. */
  readonly idleMs: number;
}

const NOTHING: SaveCounts = {
  encoder: { rawBytes: 0, zeroBytes: 0, copiedBytes: 0, deltaBytes: 0, deltaWireBytes: 0, dataBytes: 0 },
  encodeMs: 0,
  digestMs: 0,
  idleMs: 0,
};

/**
 * A save stream that a thread of its own reads from its pipe, digests and lays out in batches: as the main thread sees it. It keeps
 * the last batches, and those that are not freed, in so much memory as the window and the agreement say; then it stops reading. One
 * use. Dispose of it in any case: a thread that waits hears of it within 200 ms.
 */
export class SaveReader implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #control: SaveControl;
  readonly #memory: EncoderMemory;
  readonly #exited: Promise<void>;
  readonly #batches: SavedBatch[] = [];
  #counts: SaveCounts = NOTHING;
  #ended: { readonly rawBytes: number; readonly hex: string } | undefined;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(private readonly options: SaveReaderOptions) {
    const { source, choice, digestKey, findPages, windowBatches, bytesPerSecond } = options;
    const references = referenceBatches(choice);
    // One more than may be referred to, so that a batch's slot is never among those; and all that may wait to be acknowledged.
    const slots = Math.max(windowBatches, references + 1) + SLOTS_AHEAD;
    this.#memory = EncoderMemory.create(slots);
    this.#control = SaveControl.create(slots);
    const data: SaveThreadData = {
      fd: source.fd,
      memory: this.#memory.wasm ?? this.#memory.buffer,
      slots,
      control: this.#control.words,
      module: options.withoutWasm === true ? undefined : wasmEncoderModule(),
      references,
      findPages,
      digest: { algorithm: choice.digest, key: Uint8Array.from(digestKey) },
      bytesPerSecond,
    };
    this.#worker = new Worker(threadEntry('save-thread.js', import.meta.url), {
      name: 'reader',
      workerData: data,
      resourceLimits: THREAD_LIMITS,
    });
    this.#worker.on('message', (message: FromSaveThread) => {
      this.#hear(message);
    });
    this.#worker.on('error', (error) => {
      this.#lost(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        source.close();
        this.#lost(undefined);
        resolve();
      });
    });
  }

  /** What reading and encoding have come to so far. */
  get counts(): SaveCounts {
    return this.#counts;
  }

  /** The length and the digest of the whole stream, once all its batches were taken. */
  get total(): { readonly rawBytes: number; readonly hex: string } {
    if (this.#ended === undefined) throw new InvariantError('the stream has not ended');
    return this.#ended;
  }

  /** How long a batch that is not full waits for more, in ms. */
  set delayMs(ms: number) {
    this.#control.delayMs = ms;
  }

  /** The batches of the stream, in order; rejects with what broke, once those before it were taken, or with the signal's reason. */
  async *batches(signal: AbortSignal): AsyncGenerator<SavedBatch, void, undefined> {
    try {
      for (;;) {
        const batch = this.#batches.shift();
        if (batch !== undefined) {
          yield batch;
          continue;
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#ended !== undefined) return;
        const changed = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await orAborted(changed, signal);
      }
    } finally {
      // A save whose stream is not taken any more must hear of it.
      this.#control.stop();
    }
  }

  /** No thread reads the batch any more: its slot may hold another. */
  free(batch: Pick<SavedBatch, 'slot'>): void {
    this.#control.freeSlot(batch.slot);
  }

  /** Stops the thread. When it resolves, the pipe is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#control.stop();
    await this.#exited;
  }

  #hear(message: FromSaveThread): void {
    switch (message.tell) {
      case 'begun':
        this.options.onBegun();
        return;
      case 'batch': {
        const { slot, payloadBytes, rawBytes, counts } = message;
        const payload = Buffer.from(this.#memory.buffer, this.#memory.slotAt(slot), payloadBytes);
        this.#counts = counts;
        this.#batches.push({ payload, rawBytes, slot, idleMs: counts.idleMs });
        break;
      }
      case 'ended':
        this.#counts = message.counts;
        this.#ended = { rawBytes: message.rawBytes, hex: message.hex };
        break;
      case 'failed':
        this.#failure ??= fromThreadError(message.error);
    }
    this.#wake();
  }

  #lost(cause: unknown): void {
    if (this.#ended !== undefined) return;
    this.#failure ??= new InvariantError('the thread that reads the save stream ended', {
      ...(cause === undefined ? {} : { cause: asError(cause) }),
    });
    this.#wake();
  }
}
