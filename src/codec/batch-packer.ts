import { availableParallelism } from 'node:os';
import { BATCH_HEADER_BYTES, BodyKind, encodeBatchHeader } from './batch.js';
import type { SentBatch } from './batch-reader.js';
import { giveBatchBuffer, takeBatchBuffer, type RawBatch } from './batch-builder.js';
import { ZstdCompressor, ZstdDecompressor } from './zstd.js';

/** As many batches at once as there are cores, but not more than leave some of libuv's four threads to others. */
export const PACK_THREADS = Math.max(1, Math.min(3, availableParallelism()));

/** A batch ready to go. */
export interface PackedBatch {
  readonly bytes: Buffer;
  /** The batch buffer that lies under `bytes`. */
  readonly buffer: Buffer;
  readonly bodyBytes: number;
  readonly rawBytes: number;
}

/** What packing has come to. */
export interface PackCounts {
  /** Bodies that were given to zstd, and what came of them. */
  packedBytes: number;
  packedToBytes: number;
  /** Bodies that went as they were. */
  plainBytes: number;
  /** Time in zstd, over all threads, waiting for a thread included. */
  packMs: number;
}

/** Contexts that work side by side, each on one batch at a time. */
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

  /** Frees what is not at work now, and the rest as soon as it is done. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const context of this.#free.splice(0)) context[Symbol.dispose]();
  }
}

/** Makes batches ready to go: packs them in other threads, several at a time. */
export class BatchPacker implements Disposable {
  readonly counts: PackCounts = { packedBytes: 0, packedToBytes: 0, plainBytes: 0, packMs: 0 };
  readonly #contexts = new ContextPool(PACK_THREADS, () => new ZstdCompressor());

  /** Takes the batch's buffer over. @param level zstd's; 0: as it is */
  async pack(rawBatch: RawBatch, level: number): Promise<PackedBatch> {
    const { buffer, bodyBytes, opsBytes, rawBytes } = rawBatch;
    const packed =
      level === 0 ? undefined : await this.#contexts.use((context) => this.#zstd(context, rawBatch, level));
    if (packed !== undefined) return packed;
    this.counts.plainBytes += bodyBytes;
    encodeBatchHeader({ kind: BodyKind.PLAIN, wireBytes: bodyBytes, bodyBytes, opsBytes, rawBytes }, buffer);
    return { bytes: buffer.subarray(0, BATCH_HEADER_BYTES + bodyBytes), buffer, bodyBytes, rawBytes };
  }

  /** A batch is on its way, and nobody refers to its bytes any more. */
  sent(batch: PackedBatch): void {
    giveBatchBuffer(batch.buffer);
  }

  /** Packs a batch into another buffer, and frees its own. Undefined where it does not become smaller: the batch is as it was. */
  async #zstd(context: ZstdCompressor, rawBatch: RawBatch, level: number): Promise<PackedBatch | undefined> {
    const { bodyBytes, opsBytes, rawBytes } = rawBatch;
    const since = performance.now();
    const body = rawBatch.buffer.subarray(BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + bodyBytes);
    const buffer = takeBatchBuffer();
    const room = buffer.subarray(BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + bodyBytes - 1);
    const wireBytes = await context.compress(body, room, level);
    this.counts.packMs += performance.now() - since;
    if (wireBytes === undefined) {
      giveBatchBuffer(buffer);
      return undefined;
    }
    giveBatchBuffer(rawBatch.buffer);
    this.counts.packedBytes += bodyBytes;
    this.counts.packedToBytes += wireBytes;
    encodeBatchHeader({ kind: BodyKind.ZSTD, wireBytes, bodyBytes, opsBytes, rawBytes }, buffer);
    return { bytes: buffer.subarray(0, BATCH_HEADER_BYTES + wireBytes), buffer, bodyBytes, rawBytes };
  }

  [Symbol.dispose](): void {
    this.#contexts[Symbol.dispose]();
  }
}

/** A batch with its body as it was before it was packed. */
export interface UnpackedBatch extends SentBatch {
  /** To be given back with `done` when the body is not used any more. */
  readonly buffer: Buffer | undefined;
}

/** The other direction: unpacks batches in other threads, several at a time. */
export class BatchUnpacker implements Disposable {
  readonly #contexts = new ContextPool(PACK_THREADS, () => new ZstdDecompressor());
  #unpackMs = 0;

  /** Time in zstd, over all threads. */
  get unpackMs(): number {
    return this.#unpackMs;
  }

  /** @throws ProtocolError `E_PROTOCOL_ZSTD` */
  async unpack(batch: SentBatch): Promise<UnpackedBatch> {
    if (batch.header.kind === BodyKind.PLAIN) return { ...batch, buffer: undefined };
    const since = performance.now();
    const buffer = takeBatchBuffer();
    const body = buffer.subarray(0, batch.header.bodyBytes);
    await this.#contexts.use((context) => context.decompress(batch.body, body));
    this.#unpackMs += performance.now() - since;
    return { ...batch, body, buffer };
  }

  /** The batch's body is not used any more. */
  done(batch: UnpackedBatch): void {
    if (batch.buffer !== undefined) giveBatchBuffer(batch.buffer);
  }

  [Symbol.dispose](): void {
    this.#contexts[Symbol.dispose]();
  }
}
