import type { TransferEvent } from '../../toolstack.js';
import type { FrameSet } from '../memory/dirty-log.js';
import type { GuestMemory } from '../memory/guest-memory.js';
import { PageBatch } from './page-batch.js';
import { RoundProgress } from './round-progress.js';
import type { StreamSink } from './stream-sink.js';

/** Types read at once. */
const TYPES_AT_ONCE = 64 * 1024;

/** Sends frames of the guest, round by round. */
export class MemorySender {
  readonly signal: AbortSignal;
  readonly #memory: GuestMemory;
  readonly #sink: StreamSink;
  readonly #emit: (event: TransferEvent) => void;
  readonly #batch: PageBatch;
  #round = 0;

  constructor(memory: GuestMemory, sink: StreamSink, emit: (event: TransferEvent) => void, signal: AbortSignal) {
    this.#memory = memory;
    this.#sink = sink;
    this.#emit = emit;
    this.signal = signal;
    this.#batch = new PageBatch(memory);
  }

  /** Every frame that exists, those without content included. */
  async sendAll(): Promise<void> {
    const progress = this.#nextRound(this.#countFrames());
    const types = Buffer.alloc(TYPES_AT_ONCE);
    const frames = this.#memory.frames();
    for (let first = 0; first < frames; first += TYPES_AT_ONCE) {
      const part = types.subarray(0, Math.min(TYPES_AT_ONCE, frames - first));
      this.#memory.readTypes(first, part);
      for (const [at, stored] of part.entries()) {
        this.#batch.add(first + at, stored);
        if (this.#batch.isFull) await this.#flush(progress);
      }
    }
    await this.#flush(progress);
  }

  async send(frames: FrameSet): Promise<void> {
    const progress = this.#nextRound(frames.count);
    for (const pfn of frames) {
      this.#batch.add(pfn);
      if (this.#batch.isFull) await this.#flush(progress);
    }
    await this.#flush(progress);
  }

  #nextRound(pagesTotal: number): RoundProgress {
    const progress = new RoundProgress(this.#emit, this.#round, pagesTotal);
    this.#round += 1;
    return progress;
  }

  async #flush(progress: RoundProgress): Promise<void> {
    this.signal.throwIfAborted();
    const { count } = this.#batch;
    const record = this.#batch.take();
    if (record === undefined) return;
    await this.#sink.write(record, this.signal);
    progress.sent(count);
  }

  #countFrames(): number {
    const types = Buffer.alloc(TYPES_AT_ONCE);
    const frames = this.#memory.frames();
    let count = 0;
    for (let first = 0; first < frames; first += TYPES_AT_ONCE) {
      const part = types.subarray(0, Math.min(TYPES_AT_ONCE, frames - first));
      this.#memory.readTypes(first, part);
      for (const stored of part) if (stored !== 0) count += 1;
    }
    return count;
  }
}
