/** What is tried, from the least work to the smallest result; 0 stands for none at all. */
const LADDER = [0, -10, -3, 1, 3] as const;

/** A measurement takes at least so long, and so much; on a slow link it ends without that much. */
const MEASURE_MS = 120;
const MEASURE_BYTES = 6 * 1024 * 1024;
const MEASURE_MOST_MS = 500;
/** Another level must be that much better to be taken. */
const CLEARLY = 1.05;
/** Measurements between two tries: more and more while trying brings nothing. */
const FIRST_PATIENCE = 3;
const MOST_PATIENCE = 48;
/** What shrinks by less than this is not worth the receiver's work; then so many batches go as they are. */
const WORTHWHILE = 0.95;
const REST_BATCHES = 12;

/**
 * Chooses how hard to compress by what comes of it: bytes that the far side took in a second, with each level in turn. That
 * one figure has in it how fast the link is, how many cores are free here and there, and what the guest's memory is like.
 */
export class LevelChooser {
  /** None at first: what that costs on a slow link is over soon, what packing costs on a fast one is never won back. */
  #current = 0;
  #trial: number | undefined;
  #baseRate = 0;
  #direction = 1;
  #patience = FIRST_PATIENCE;
  #waited = 0;
  #bytes = 0;
  #activeMs = 0;
  #rest = 0;

  /** @param fixed a level to keep to, 0 for none; undefined: choose */
  constructor(private readonly fixed: number | undefined) {}

  /** zstd's level for the next batch; 0: as it is. */
  next(): number {
    if (this.fixed !== undefined) return this.fixed;
    if (this.#rest > 0) {
      this.#rest -= 1;
      return 0;
    }
    return LADDER[this.#trial ?? this.#current];
  }

  /** The level that is in use by and large; 0: none. */
  get level(): number {
    return this.fixed ?? LADDER[this.#current];
  }

  /** A batch was packed from so many bytes to so many, with a level other than 0. */
  packed(bodyBytes: number, wireBytes: number): void {
    if (wireBytes > bodyBytes * WORTHWHILE) this.#rest = REST_BATCHES;
  }

  /**
   * A batch is on its way.
   * @param activeMs time since the one before, without that in which there was nothing to send
   */
  sent(bodyBytes: number, activeMs: number): void {
    this.#bytes += bodyBytes;
    this.#activeMs += activeMs;
    if (this.fixed !== undefined || this.#activeMs < MEASURE_MS) return;
    if (this.#bytes < MEASURE_BYTES && this.#activeMs < MEASURE_MOST_MS) return;
    this.#measured(this.#bytes / this.#activeMs);
    this.#bytes = 0;
    this.#activeMs = 0;
  }

  #measured(rate: number): void {
    if (this.#trial === undefined) {
      this.#baseRate = this.#baseRate === 0 ? rate : (this.#baseRate + rate) / 2;
      this.#waited += 1;
      if (this.#waited >= this.#patience) this.#try();
      return;
    }
    if (rate > this.#baseRate * CLEARLY) {
      this.#current = this.#trial;
      this.#baseRate = rate;
      this.#patience = FIRST_PATIENCE;
      this.#try(); // and further in the same direction
      return;
    }
    this.#trial = undefined;
    this.#waited = 0;
    this.#direction = -this.#direction;
    this.#patience = Math.min(MOST_PATIENCE, this.#patience * 2);
  }

  #try(): void {
    const next = this.#current + this.#direction;
    const possible = next >= 0 && next < LADDER.length;
    if (!possible) this.#direction = -this.#direction;
    this.#trial = this.#current + this.#direction;
    this.#waited = 0;
  }
}
