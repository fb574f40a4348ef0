import type { Reply } from '../control/messages.js';

type ArrivalTimes = NonNullable<Extract<Reply, { type: 'outcome' }>['times']>;

/** Measures what an arrival takes between the last byte of the stream and the guest's first tick here. */
export class ArrivalClock {
  #lastByteAt: number | undefined;
  #restoredAt: number | undefined;
  #committedAt: number | undefined;
  #activatedAt: number | undefined;

  /** @param now a monotonic clock, in ms */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The domain is there, paused. @param lastByteAt when its restore had the last byte, by the same clock */
  restored(lastByteAt: number): void {
    this.#lastByteAt = lastByteAt;
    this.#restoredAt = this.now();
  }

  /** The commit is recorded. */
  committed(): void {
    this.#committedAt = this.now();
  }

  /** The guest runs, or stays paused where it is to. */
  activated(): void {
    this.#activatedAt = this.now();
  }

  /** Undefined where this process has not seen all of it. */
  get times(): ArrivalTimes | undefined {
    if (this.#lastByteAt === undefined || this.#restoredAt === undefined) return undefined;
    if (this.#committedAt === undefined || this.#activatedAt === undefined) return undefined;
    return {
      restoreMs: this.#restoredAt - this.#lastByteAt,
      commitMs: this.#committedAt - this.#restoredAt,
      unpauseMs: this.#activatedAt - this.#committedAt,
    };
  }
}
