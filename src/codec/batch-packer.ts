import { availableParallelism } from 'node:os';
import { threadSlots } from '../buffers/slot-pool.js';
import { markPacked, MAX_BATCH_BYTES, TRAILER_BYTES } from './batch.js';
import { ZstdCompressor } from './zstd.js';

/** As many batches at once as there are cores, but not more than leave some of libuv's four threads to others. */
export const PACK_THREADS = Math.max(1, Math.min(3, availableParallelism()));

/** A plain batch: trailer and all. */
export interface PlainBatch {
  readonly payload: Buffer;
  readonly rawBytes: number;
}

/** A batch ready to go. */
export interface PackedBatch {
  readonly bytes: Buffer;
  /** Bytes of the batch where it is plain. */
  readonly plainBytes: number;
  readonly rawBytes: number;
}

/** Results of packing. */
export interface PackCounts {
  /** Bytes of bodies passed to zstd, and of its results. */
  packedBytes: number;
  packedToBytes: number;
  /** Bodies that were sent unpacked. */
  plainBytes: number;
  /** Time in zstd, over all threads, waiting for a thread included. */
  packMs: number;
}

/** Contexts that work in parallel, each on one batch at a time. */
class ContextPool<Context extends Disposable> implements Disposable {
  readonly #free: Context[] = [];
  readonly #waiting: ((context: Context) => void)[] = [];
  #made = 0;
  #closed = false;

  constructor(
    private readonly most: number,
    private readonly make: () => Context,
  ) {}

  async use<T>(work: (context: Context) => Promise<T>): Promise<T> {
    const context = await this.#take();
    try {
      return await work(context);
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next(context);
      else if (this.#closed) context[Symbol.dispose]();
      else this.#free.push(context);
    }
  }

  #take(): Promise<Context> | Context {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made < this.most) {
      this.#made += 1;
      return this.make();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Frees idle contexts now, and the others as soon as they are done. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const context of this.#free.splice(0)) context[Symbol.dispose]();
  }
}

/** Makes batches ready to go: packs them in other threads, several at a time. */
export class BatchPacker implements Disposable {
  readonly counts: PackCounts = { packedBytes: 0, packedToBytes: 0, plainBytes: 0, packMs: 0 };
  readonly #contexts = new ContextPool(PACK_THREADS, () => new ZstdCompressor());

  /** The plain batch must stay as it is until it was sent. @param level zstd's; 0: as it is */
  async pack(batch: PlainBatch, level: number): Promise<PackedBatch> {
    const packed = level === 0 ? undefined : await this.#contexts.use((context) => this.#zstd(context, batch, level));
    if (packed !== undefined) return packed;
    this.counts.plainBytes += batch.payload.length;
    return { bytes: batch.payload, plainBytes: batch.payload.length, rawBytes: batch.rawBytes };
  }

  /** A batch is on its way, and its bytes are not read any more. */
  sent(batch: PackedBatch): void {
    threadSlots.giveBack(batch.bytes);
  }

  /** Packs a batch into a buffer of its own. Undefined where it does not become smaller. */
  async #zstd(context: ZstdCompressor, batch: PlainBatch, level: number): Promise<PackedBatch | undefined> {
    const { payload, rawBytes } = batch;
    const since = performance.now();
    const bodyBytes = payload.length - TRAILER_BYTES;
    const buffer = threadSlots.take(MAX_BATCH_BYTES);
    const sentBytes = await context.compress(payload.subarray(0, bodyBytes), buffer.subarray(0, bodyBytes - 1), level);
    this.counts.packMs += performance.now() - since;
    if (sentBytes === undefined) {
      threadSlots.giveBack(buffer);
      return undefined;
    }
    this.counts.packedBytes += bodyBytes;
    this.counts.packedToBytes += sentBytes;
    payload.copy(buffer, sentBytes, bodyBytes);
    markPacked(buffer, sentBytes);
    return { bytes: buffer.subarray(0, sentBytes + TRAILER_BYTES), plainBytes: payload.length, rawBytes };
  }

  [Symbol.dispose](): void {
    this.#contexts[Symbol.dispose]();
  }
}
