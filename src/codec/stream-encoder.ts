import { profileFor, referenceBatches, type Compression, type StreamChoice } from './agreement.js';
import type { EncoderCounts } from './batch-encoder.js';
import { BatchPacker, PACK_THREADS, type PackCounts, type PackedBatch, type PlainBatch } from './batch-packer.js';
import { EncoderMemory } from './encoder-memory.js';
import type { EncoderProfile } from './encoder-profile.js';
import { IdleCores } from '../posix/idle-cores.js';
import { FlushDelay } from './flush-delay.js';
import { LevelChooser } from './level-chooser.js';
import { mapOrdered } from './map-ordered.js';
import { PageBatchEncoder } from './page-batch-encoder.js';
import { PieceEncoder } from './piece-encoder.js';
import { SparseDigester } from './sparse-digest.js';

/** Slots of batches that are made, packed or sent at the same time. */
const SLOTS_UNDER_WAY = PACK_THREADS + 9;

/** What the codec has saved and cost so far. Bytes, and ms of this process's time. */
export interface EncodeCounts extends EncoderCounts, PackCounts {
  /** Finding what need not be sent, without the digest. */
  encodeMs: number;
  /** zstd's level by and large; 0: none. */
  level: number;
}

/** The source's half of the codec: from the raw stream to batches for the lanes, and its digest. One use. */
export class StreamEncoder implements Disposable {
  readonly digester: SparseDigester;
  readonly #memory: EncoderMemory;
  readonly #encoder: PageBatchEncoder;
  readonly #pieces: PieceEncoder;
  readonly #packer = new BatchPacker();
  readonly #levels: LevelChooser;
  readonly #flushDelay = new FlushDelay();
  #made: PlainBatch[] = [];
  #nextSlot = 0;
  #encodeMs = 0;
  #idleMs = 0;
  #lastSent = performance.now();
  #idleAtLast = 0;

  /** @param profile what the offer was made for */
  constructor(
    choice: StreamChoice,
    digestKey: Buffer,
    compression: Compression,
    profile: EncoderProfile = profileFor(compression),
  ) {
    const fixed = fixedLevel(choice, compression);
    const references = referenceBatches(choice);
    this.digester = new SparseDigester({ algorithm: choice.digest, key: digestKey });
    this.#memory = EncoderMemory.create(references + 1 + SLOTS_UNDER_WAY);
    // Without zstd nothing else finds the zero pages.
    const findPages = profile.findPages || fixed === 0;
    this.#encoder = new PageBatchEncoder(this.#memory.buffer, { references, findPages });
    this.#pieces = new PieceEncoder({
      encoder: this.#encoder,
      memory: this.#memory,
      takeSlot: () => {
        this.#nextSlot += 1;
        return (this.#nextSlot - 1) % this.#memory.slots;
      },
      taker: this.digester,
      onBatch: ({ slot, payloadBytes, rawBytes }) => {
        const payload = Buffer.from(this.#memory.buffer, this.#memory.slotAt(slot), payloadBytes);
        this.#made.push({ payload, rawBytes });
      },
    });
    const idle = new IdleCores();
    this.#levels = new LevelChooser(fixed ?? profile.level, {
      idleCores: () => idle.take(),
      batchesAhead: PACK_THREADS + 2,
    });
  }

  /** How long the stream's reader may leave little where it is, in ms: it costs less together with what comes next. */
  get lingerMs(): number {
    return this.#flushDelay.ms;
  }

  get counts(): EncodeCounts {
    return {
      ...this.#encoder.counts,
      ...this.#packer.counts,
      encodeMs: this.#encodeMs - this.digester.spentMs,
      level: this.#levels.level,
    };
  }

  /** The guest stands still: what comes goes out at once. */
  hurry(): void {
    this.#flushDelay.minimize();
  }

  /** The batches of a stream, in order, a few of them packed ahead. */
  batches(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<PackedBatch, void, undefined> {
    return mapOrdered(this.#plainBatches(chunks), PACK_THREADS + 1, async (batch) => {
      const level = this.#levels.next();
      const packed = await this.#packer.pack(batch, level);
      if (level !== 0) this.#levels.packed(packed.plainBytes, packed.bytes.length);
      return packed;
    });
  }

  /** A batch was accepted by the lanes, which have copied it. @param waitMs how long that took */
  sent(batch: PackedBatch, waitMs: number): void {
    const now = performance.now();
    const active = now - this.#lastSent - (this.#idleMs - this.#idleAtLast);
    this.#levels.sent(batch.plainBytes, Math.max(0, active), waitMs);
    this.#flushDelay.sent(batch.plainBytes, Math.max(0, active));
    this.#lastSent = now;
    this.#idleAtLast = this.#idleMs;
    this.#packer.sent(batch);
  }

  async *#plainBatches(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<PlainBatch, void, undefined> {
    const reader = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = reader.next();
        // The guest may be waiting for what has come, however little it is.
        if (this.#pieces.hasPending && !(await this.#idle(comesSoon(next, 2 * this.#flushDelay.ms)))) {
          yield* this.#timed(() => this.#pieces.flush());
        }
        const chunk = await this.#idle(next);
        if (chunk.done === true) break;
        for (let at = 0; at < chunk.value.length;) {
          const { space } = this.#pieces;
          const count = Math.min(space.length, chunk.value.length - at);
          space.set(chunk.value.subarray(at, at + count));
          at += count;
          yield* this.#timed(() => this.#pieces.push(count));
        }
      }
      yield* this.#timed(() => this.#pieces.end());
    } finally {
      await reader.return?.();
    }
  }

  async #idle<T>(wait: Promise<T>): Promise<T> {
    const since = performance.now();
    try {
      return await wait;
    } finally {
      this.#idleMs += performance.now() - since;
    }
  }

  #timed(work: () => void): PlainBatch[] {
    const since = performance.now();
    work();
    const made = this.#made;
    this.#made = [];
    this.#encodeMs += performance.now() - since;
    return made;
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

/** False where nothing has come after a moment. What the promise rejects with is for its own caller. */
function comesSoon(next: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    const come = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    next.then(come, come);
  });
}
