import { profileFor, type Compression, type StreamChoice } from './agreement.js';
import { BatchPacker, PACK_THREADS, type PackCounts, type PackedBatch, type PlainBatch } from './batch-packer.js';
import type { EncoderProfile } from './encoder-profile.js';
import { FlushDelay } from './flush-delay.js';
import { IdleCores } from '../posix/idle-cores.js';
import { LevelChooser } from './level-chooser.js';
import { mapOrdered } from './map-ordered.js';

/** What compressing has saved and cost so far. */
export interface StreamPackCounts extends PackCounts {
  /** zstd's level by and large; 0: none. */
  level: number;
}

/** A batch ready to go, and the plain one of which it is made. */
export interface ReadyBatch<Plain extends PlainBatch> extends PackedBatch {
  readonly plain: Plain;
  /** Whether it lies in the plain batch's memory. Otherwise nothing reads that any more. */
  readonly isPlain: boolean;
}

/** From plain batches to those for the lanes: compresses where that pays, and finds out how long small batches should wait. One use. */
export class StreamPacker implements Disposable {
  /** Whether pages are to be looked for: without zstd nothing else finds the zero pages. */
  readonly findPages: boolean;
  readonly #packer = new BatchPacker();
  readonly #levels: LevelChooser;
  readonly #flushDelay = new FlushDelay();
  #lastSent = performance.now();
  #idleAtLast = 0;

  /** @param profile what the offer was made for */
  constructor(choice: StreamChoice, compression: Compression, profile: EncoderProfile = profileFor(compression)) {
    const fixed = fixedLevel(choice, compression);
    this.findPages = profile.findPages || fixed === 0;
    const idle = new IdleCores();
    this.#levels = new LevelChooser(fixed ?? profile.level, {
      idleCores: () => idle.take(),
      batchesAhead: PACK_THREADS + 2,
    });
  }

  /** How long a batch that is not full should wait for more, in ms: it costs less together with what comes next. */
  get delayMs(): number {
    return this.#flushDelay.ms;
  }

  get counts(): StreamPackCounts {
    return { ...this.#packer.counts, level: this.#levels.level };
  }

  /** The guest stands still: what comes goes out at once. */
  hurry(): void {
    this.#flushDelay.minimize();
  }

  /** The batches of a stream, in order, a few of them compressed ahead. */
  batches<Plain extends PlainBatch>(plain: AsyncIterable<Plain>): AsyncGenerator<ReadyBatch<Plain>, void, undefined> {
    return mapOrdered(plain, PACK_THREADS + 1, async (batch) => {
      const level = this.#levels.next();
      const packed = await this.#packer.pack(batch, level);
      if (level !== 0) this.#levels.packed(packed.plainBytes, packed.bytes.length);
      return { ...packed, plain: batch, isPlain: packed.bytes === batch.payload };
    });
  }

  /**
   * A batch was accepted by the lanes, which have copied it or borrow it.
   * @param waitMs how long that took
   * @param idleMs time in which the stream's reader had nothing to read, from the beginning to this batch
   */
  sent(batch: PackedBatch, waitMs: number, idleMs: number): void {
    const now = performance.now();
    const activeMs = Math.max(0, now - this.#lastSent - (idleMs - this.#idleAtLast));
    this.#levels.sent(batch.plainBytes, activeMs, waitMs);
    this.#flushDelay.sent(batch.plainBytes, activeMs);
    this.#lastSent = now;
    this.#idleAtLast = idleMs;
    this.#packer.sent(batch);
  }

  /** Frees what zstd holds. */
  [Symbol.dispose](): void {
    this.#packer[Symbol.dispose]();
  }
}

function fixedLevel(choice: StreamChoice, compression: Compression): number | undefined {
  if (choice.packing === 'none' || compression === 'none') return 0;
  return compression === 'auto' ? undefined : compression.level;
}
