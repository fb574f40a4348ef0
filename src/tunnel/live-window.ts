/** The window is never smaller: below it, an acknowledgement for every other frame is not enough to keep a lane busy. */
const LEAST_BYTES = 4 * 1024 * 1024;
/** More than fills the path, so that the rate can be seen to grow. */
const GAIN = 1.5;
/** How long an estimate holds, in ms. At its end the window is at its least for one round trip, which measures the path without a queue. */
const PERIOD_MS = 10_000;

interface Mark {
  /** The stream up to here was sent then. */
  readonly offset: number;
  readonly atMs: number;
  /** What was acknowledged at that time. */
  readonly acked: number;
}

interface Estimate {
  /** Bytes a ms at most. */
  rate: number;
  /** ms at least. */
  roundTrip: number;
}

const NOTHING: Readonly<Estimate> = { rate: 0, roundTrip: Infinity };

/**
 * How many bytes may be sent and not acknowledged: as many as the far consumer takes in one and a half round trips, within bounds. More
 * would only wait in queues, and all of it has to drain after the guest is suspended. The rate is the highest, the round trip the
 * shortest that was seen of late, as in BBR (draft-cardwell-iccrg-bbr-congestion-control).
 */
export class LiveWindow {
  readonly #least: number;
  #marks: Mark[] = [];
  #acked = 0;
  #last: Readonly<Estimate> = NOTHING;
  #current: Estimate = { ...NOTHING };
  #since: number;
  /** Measured without a queue in this period. */
  #isProbed = false;

  /** @param mostBytes what the receiver agreed to @param now a monotonic clock, in ms */
  constructor(
    private readonly mostBytes: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#least = Math.min(LEAST_BYTES, mostBytes);
    this.#since = now();
  }

  get bytes(): number {
    if (!this.#isProbed) return this.#least;
    const rate = Math.max(this.#last.rate, this.#current.rate);
    const enough = GAIN * rate * this.#current.roundTrip;
    return Math.max(this.#least, Math.min(this.mostBytes, Math.ceil(enough)));
  }

  /** The stream was sent up to this offset. */
  sent(offset: number): void {
    this.#marks.push({ offset, atMs: this.now(), acked: this.#acked });
  }

  /** The far consumer has taken the stream up to this offset. */
  acknowledged(offset: number): void {
    if (offset <= this.#acked) return;
    this.#acked = offset;
    const now = this.now();
    let mark: Mark | undefined;
    let count = 0;
    while (count < this.#marks.length && this.#marks[count].offset <= offset) mark = this.#marks[count++];
    this.#marks.splice(0, count);
    if (mark !== undefined) this.#measure(mark, now);
    if (now - this.#since < PERIOD_MS) return;
    this.#last = this.#current;
    this.#current = { ...NOTHING };
    this.#since = now;
    this.#isProbed = false;
  }

  #measure({ offset, atMs, acked }: Mark, now: number): void {
    const ms = now - atMs;
    if (ms <= 0) return;
    this.#current.rate = Math.max(this.#current.rate, (offset - acked) / ms);
    // With more under way than the least, this round trip has a queue in it.
    const withoutQueue = offset - acked <= this.#least;
    if (withoutQueue || this.#isProbed) this.#current.roundTrip = Math.min(this.#current.roundTrip, ms);
    this.#isProbed ||= withoutQueue;
  }
}
