/** What the destination measured of a guest's arrival, by its own clock, in ms. */
export interface ArrivalTimes {
  /** From the last byte of the stream to the restored domain, paused. */
  readonly restoreMs: number;
  /** From there to the recorded commit: the source's `finish`, the digests, the journal. */
  readonly commitMs: number;
  /** Letting the guest run. */
  readonly unpauseMs: number;
}

/** How long a guest stood still, and what for, in ms. */
export interface Downtime {
  readonly totalMs: number;
  /** Until the destination had taken what was sent before the suspension; part of it may belong to the last round. */
  readonly drainMs?: number;
  /** From there until the destination had the last byte. */
  readonly lastRoundMs?: number;
  /** Absent where the destination does not tell. */
  readonly arrival?: ArrivalTimes;
}

/** Collects the moments between a guest's suspension and its first tick at the destination. */
export class DowntimeClock {
  #suspendedAt: number | undefined;
  #drainedAt: number | undefined;
  #savedAt: number | undefined;

  /** @param now a monotonic clock, in ms */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The guest stands still. @param drained resolves when the destination has taken what was sent before; may reject */
  suspended(drained: Promise<void> | undefined): void {
    if (this.#suspendedAt !== undefined) return;
    this.#suspendedAt = this.now();
    drained?.then(
      () => (this.#drainedAt = this.now()),
      () => undefined, // the transfer has failed: there is no downtime to report
    );
  }

  /** The destination has the last byte. */
  saved(): void {
    this.#savedAt ??= this.now();
  }

  /**
   * The destination has answered that the guest runs. Undefined where the guest was not seen to be suspended. The destination's times take the
   * place of the wait for its answer, which has a round trip in it.
   */
  arrived(arrival: ArrivalTimes | undefined): Downtime | undefined {
    const answeredAt = this.now();
    const suspendedAt = this.#suspendedAt;
    if (suspendedAt === undefined) return undefined;
    const savedAt = this.#savedAt;
    const answeredMs = answeredAt - suspendedAt;
    if (savedAt === undefined) return { totalMs: answeredMs };
    const drainedAt = Math.min(this.#drainedAt ?? savedAt, savedAt);
    const here = { drainMs: drainedAt - suspendedAt, lastRoundMs: savedAt - drainedAt };
    if (arrival === undefined) return { totalMs: answeredMs, ...here };
    const sum = savedAt - suspendedAt + arrival.restoreMs + arrival.commitMs + arrival.unpauseMs;
    // The last byte may be known here after it was there: that way is in two parts, and is taken out of the later one.
    const twice = Math.max(0, sum - answeredMs);
    const restoreMs = Math.max(0, arrival.restoreMs - twice);
    return { totalMs: Math.min(sum, answeredMs), ...here, arrival: { ...arrival, restoreMs } };
  }
}
