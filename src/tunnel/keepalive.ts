/** How often a link shows that it is alive, and how long silence is borne. */
export interface KeepaliveOptions {
  /** Milliseconds between two checks of the link; 0 or less turns keepalive off. Default 5000. */
  readonly keepaliveMs?: number;
  /** Checks in a row without a byte from the peer after which it counts as lost. Default 5. */
  readonly keepaliveCount?: number;
}

/** libvirt's defaults: 5 s, five times. */
export const KEEPALIVE_MS = 5000;
export const KEEPALIVE_COUNT = 5;

/** A lost lane is replaced, so a dead one is detected sooner: the transfer waits for it. */
export const LANE_KEEPALIVE: KeepaliveOptions = { keepaliveMs: 2000, keepaliveCount: 5 };

/**
 * Counts looks at one link. Any byte from the peer is a sign of life: on a slow link an answer may wait
 * behind megabytes of data, but then the data itself keeps arriving. Checks are counted, not
 * seconds, so a process that was stopped (SIGSTOP, a sleeping laptop) reads what has arrived before
 * it can call the peer dead, and a jump of the clock changes nothing.
 */
export class Looks {
  /** Milliseconds from one look to the next; undefined: keepalive is off. */
  readonly everyMs: number | undefined;
  readonly #count: number;
  #heard = true;
  #missed = 0;

  constructor(options: KeepaliveOptions) {
    const ms = options.keepaliveMs ?? KEEPALIVE_MS;
    this.everyMs = ms > 0 ? ms : undefined;
    this.#count = options.keepaliveCount ?? KEEPALIVE_COUNT;
  }

  /** Bytes arrived from the peer, or this side paused reading. */
  heard(): void {
    this.#heard = true;
  }

  /** One look. @returns for how many ms nothing was heard, where that is too long */
  look(): number | undefined {
    this.#missed = this.#heard ? 0 : this.#missed + 1;
    this.#heard = false;
    return this.#missed < this.#count ? undefined : this.#missed * (this.everyMs ?? 0);
  }
}

/** Looks at one link by a timer. */
export class Keepalive implements Disposable {
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #looks: Looks;

  /**
   * @param ping called at each look: sends the sign of life that the peer watches for
   * @param silent called once, with the time without a sign from the peer
   */
  constructor(
    options: KeepaliveOptions,
    private readonly ping: () => void,
    private readonly silent: (forMs: number) => void,
  ) {
    this.#looks = new Looks(options);
    if (this.#looks.everyMs === undefined) return;
    this.#timer = setInterval(() => {
      this.#look();
    }, this.#looks.everyMs);
    this.#timer.unref();
  }

  /** As `Looks.heard`. */
  heard(): void {
    this.#looks.heard();
  }

  #look(): void {
    this.ping();
    const forMs = this.#looks.look();
    if (forMs === undefined) return;
    this[Symbol.dispose]();
    this.silent(forMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
