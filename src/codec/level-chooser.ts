/** The levels, from the least work to the smallest result; 0 is no compression. */
const LADDER = [0, -10, -3, 1, 3] as const;

/** Least duration of a window, and its least bytes; on a slow link it ends without them. */
const WINDOW_MS = 120;
const WINDOW_BYTES = 6 * 1024 * 1024;
const LONGEST_WINDOW_MS = 500;
/** A higher level must be that much faster to be taken; a lower one may be that much slower. */
const CLEARLY = 1.05;
const ABOUT = 0.98;
/** The lanes are full where this share of the time goes by while they take nothing more. */
const FULL_SHARE = 0.5;
/** Compression needs this much of a core that has nothing else to do. */
const IDLE_CORES = 0.25;
/** Fewer idle cores than this are none: what compression takes, something else lacks. */
const NO_CORES = 0.1;
/** Windows between two trials: more and more while trials fail. */
const FIRST_PATIENCE = 2;
const MOST_PATIENCE = 48;
/** A batch that shrinks by less is not worth the receiver's work; then this many batches are sent uncompressed. */
const WORTHWHILE = 0.95;
const REST_BATCHES = 12;

/** The figures that the choice depends on. */
export interface LevelChooserOptions {
  /** Cores of this host without work, on average since the last call; undefined if unknown. */
  readonly idleCores: () => number | undefined;
  /** Batches that may be compressed already when the level changes: they do not count for the new one. */
  readonly batchesAhead: number;
}

/** What one window of sending showed. */
interface Window {
  /** Bytes per ms. */
  readonly rate: number;
  readonly lanesFull: boolean;
  readonly idleCores: number | undefined;
}

/** A level that is tried: measured between two windows at the current one, since the rate changes by itself as well. */
interface Trial {
  readonly index: number;
  /** Of the trial, once it is measured. */
  rate?: number;
}

/**
 * Chooses how hard to compress. A higher level is tried only while the lanes are full and a core is idle, and taken only if it moves more
 * bytes in a second than the current level both before and after. Where the lanes are not full, compression itself may be what is slow:
 * then a lower level is tried, and taken at once if no core is idle.
 */
export class LevelChooser {
  /** None at first: its cost on a slow link is over soon, that of compression on a fast one is never regained. */
  #current = 0;
  #trial: Trial | undefined;
  /** At the current level, averaged; 0: not measured yet. */
  #baseRate = 0;
  #patience = FIRST_PATIENCE;
  #waited = 0;
  #bytes = 0;
  #activeMs = 0;
  #waitMs = 0;
  #skip = 0;
  #rest = 0;

  /** @param fixed a level to keep to, 0 for none; undefined: choose */
  constructor(
    private readonly fixed: number | undefined,
    private readonly options: LevelChooserOptions,
  ) {}

  /** zstd's level for the next batch; 0: uncompressed. */
  next(): number {
    if (this.fixed !== undefined) return this.fixed;
    if (this.#rest > 0) {
      this.#rest -= 1;
      return 0;
    }
    const trial = this.#trial;
    return LADDER[trial === undefined || trial.rate !== undefined ? this.#current : trial.index];
  }

  /** The level in use, apart from trials; 0: none. */
  get level(): number {
    return this.fixed ?? LADDER[this.#current];
  }

  /** Records the bytes before and after the compression of a batch, with a level other than 0. */
  packed(bodyBytes: number, wireBytes: number): void {
    if (wireBytes > bodyBytes * WORTHWHILE) this.#rest = REST_BATCHES;
  }

  /**
   * A batch was sent.
   * @param activeMs time since the previous one, without the time in which there was nothing to send
   * @param waitMs how much of it was spent until the lanes took the batch
   */
  sent(bodyBytes: number, activeMs: number, waitMs: number): void {
    if (this.fixed !== undefined) return;
    if (this.#skip > 0) {
      this.#skip -= 1;
      if (this.#skip === 0) this.options.idleCores(); // the window begins here
      return;
    }
    this.#bytes += bodyBytes;
    this.#activeMs += activeMs;
    this.#waitMs += Math.min(waitMs, activeMs);
    if (this.#activeMs < WINDOW_MS) return;
    if (this.#bytes < WINDOW_BYTES && this.#activeMs < LONGEST_WINDOW_MS) return;
    const window = {
      rate: this.#bytes / this.#activeMs,
      lanesFull: this.#waitMs >= this.#activeMs * FULL_SHARE,
      idleCores: this.options.idleCores(),
    };
    this.#bytes = 0;
    this.#activeMs = 0;
    this.#waitMs = 0;
    if (this.#trial === undefined) this.#atRest(window);
    else this.#tried(this.#trial, window);
  }

  #atRest(window: Window): void {
    const { rate, lanesFull } = window;
    this.#baseRate = this.#baseRate === 0 ? rate : (this.#baseRate + rate) / 2;
    if (costsOthers(window) && this.#current > 0) {
      this.#take(this.#current - 1, 0);
      return;
    }
    this.#waited += 1;
    if (this.#waited < this.#patience) return;
    if (lanesFull) {
      if (hasIdleCore(window) && this.#current + 1 < LADDER.length) this.#try(this.#current + 1);
    } else if (this.#current > 0) {
      this.#try(this.#current - 1);
    }
  }

  #tried(trial: Trial, window: Window): void {
    const { rate } = window;
    const isHigher = trial.index > this.#current;
    if (trial.rate === undefined) {
      if (isHigher && rate > this.#baseRate * CLEARLY && !costsOthers(window)) {
        trial.rate = rate;
        this.#switched(); // back to the current level, to see whether that has become faster as well
      } else if (!isHigher && rate >= this.#baseRate * ABOUT) {
        this.#take(trial.index, rate);
      } else {
        this.#reject();
      }
      return;
    }
    if (trial.rate > rate * CLEARLY) this.#take(trial.index, trial.rate);
    else this.#reject();
  }

  #try(index: number): void {
    this.#trial = { index };
    this.#switched();
  }

  #take(index: number, rate: number): void {
    this.#current = index;
    this.#trial = undefined;
    this.#baseRate = rate;
    this.#patience = FIRST_PATIENCE;
    this.#waited = FIRST_PATIENCE - 1; // and further, if that pays as well
    this.#switched();
  }

  #reject(): void {
    this.#trial = undefined;
    this.#waited = 0;
    this.#patience = Math.min(MOST_PATIENCE, this.#patience * 2);
    this.#switched();
  }

  #switched(): void {
    this.#skip = this.options.batchesAhead;
  }
}

function hasIdleCore({ idleCores }: Window): boolean {
  return idleCores === undefined || idleCores >= IDLE_CORES;
}

/** Compression takes time that other work lacks, and the lanes have room. */
function costsOthers({ lanesFull, idleCores }: Window): boolean {
  return !lanesFull && idleCores !== undefined && idleCores < NO_CORES;
}
