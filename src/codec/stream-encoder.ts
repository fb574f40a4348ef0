import { profileFor, type Compression, type StreamChoice } from './agreement.js';
import { BatchPacker, PACK_THREADS, type PackCounts, type PackedBatch } from './batch-packer.js';
import type { RawBatch } from './batch-builder.js';
import type { EncoderProfile } from './encoder-profile.js';
import { IdleCores } from '../posix/idle-cores.js';
import { mapOrdered } from './map-ordered.js';
import { LevelChooser } from './level-chooser.js';
import { PageEncoder, type EncoderCounts } from './page-encoder.js';
import { FlushDelay } from './flush-delay.js';
import { BLOCK_BYTES, RawWindow } from './raw-window.js';
import { PassthroughEncoder } from './passthrough-encoder.js';

/** How much may be read ahead of the encoder; a reader keeps to it. */
export const READ_AHEAD_BYTES = 6 * BLOCK_BYTES;

/** What the codec has saved and cost so far. Bytes, and ms of this process's time. */
export interface EncodeCounts extends EncoderCounts, PackCounts {
  /** Finding what need not be sent. */
  encodeMs: number;
  /** zstd's level by and large; 0: none. */
  level: number;
}

/** The source's half of the codec: from the raw stream to batches for the lanes. One use. */
export class StreamEncoder implements Disposable {
  readonly #encoder: PageEncoder | PassthroughEncoder;
  readonly #packer = new BatchPacker();
  readonly #levels: LevelChooser;
  readonly #flushDelay = new FlushDelay();
  #encodeMs = 0;
  #idleMs = 0;
  #lastSent = performance.now();
  #idleAtLast = 0;

  /** @param profile what the offer was made for */
  constructor(choice: StreamChoice, compression: Compression, profile: EncoderProfile = profileFor(compression)) {
    const fixed = fixedLevel(choice, compression);
    const { level } = profile;
    // Without zstd nobody else finds the zero pages.
    this.#encoder =
      profile.findPages || fixed === 0
        ? new PageEncoder(new RawWindow(choice.referenceBytes, READ_AHEAD_BYTES))
        : new PassthroughEncoder();
    const idle = new IdleCores();
    this.#levels = new LevelChooser(fixed ?? level, { idleCores: () => idle.take(), batchesAhead: PACK_THREADS + 2 });
  }

  /** Where the raw stream is to be read into. */
  get window(): Pick<RawWindow, 'space' | 'commit'> {
    return this.#encoder.window;
  }

  /** How long whoever reads the stream may leave little where it is, in ms: it costs less together with what comes behind. */
  get lingerMs(): number {
    return this.#flushDelay.ms;
  }

  get counts(): EncodeCounts {
    return {
      ...this.#encoder.counts,
      ...this.#packer.counts,
      encodeMs: this.#encodeMs,
      level: this.#levels.level,
    };
  }

  /** The guest stands still: what comes goes out at once. */
  hurry(): void {
    this.#flushDelay.minimize();
  }

  /**
   * The batches of a stream, in order, a few of them packed ahead.
   * @param chunks views of `window`, in order, each already committed
   */
  batches(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<PackedBatch, void, undefined> {
    return mapOrdered(this.#rawBatches(chunks), PACK_THREADS + 1, async (rawBatch) => {
      const level = this.#levels.next();
      const packed = await this.#packer.pack(rawBatch, level);
      if (level !== 0) this.#levels.packed(packed.bodyBytes, packed.bytes.length);
      return packed;
    });
  }

  /** A batch was accepted by the lanes, which have copied it. @param waitMs how long that took */
  sent(batch: PackedBatch, waitMs: number): void {
    const now = performance.now();
    const active = now - this.#lastSent - (this.#idleMs - this.#idleAtLast);
    this.#levels.sent(batch.bodyBytes, Math.max(0, active), waitMs);
    this.#flushDelay.sent(batch.bodyBytes, Math.max(0, active));
    this.#lastSent = now;
    this.#idleAtLast = this.#idleMs;
    this.#packer.sent(batch);
  }

  async *#rawBatches(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<RawBatch, void, undefined> {
    const reader = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = reader.next();
        // The guest may be waiting for what has come, however little it is.
        if (this.#encoder.hasPending && !(await this.#idle(comesSoon(next, 2 * this.#flushDelay.ms)))) {
          yield* this.#timed(() => this.#encoder.flush());
        }
        const chunk = await this.#idle(next);
        if (chunk.done === true) break;
        yield* this.#timed(() => this.#encoder.push(chunk.value.byteLength));
      }
      yield* this.#timed(() => this.#encoder.flush());
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

  #timed(work: () => RawBatch[]): RawBatch[] {
    const since = performance.now();
    const rawBatches = work();
    this.#encodeMs += performance.now() - since;
    return rawBatches;
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

/** False where nothing has come after a moment. What the promise rejects with is for whoever awaits it itself. */
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
