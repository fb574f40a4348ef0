/** How often a link shows that it is alive, and how long silence is borne. */
export interface KeepaliveOptions {
  /** Milliseconds between two looks at the link; 0 or less turns keepalive off. Default 5000. */
  readonly keepaliveMs?: number;
  /** So many looks in a row without a byte from the peer, and it counts as gone. Default 5. */
  readonly keepaliveCount?: number;
}

/** libvirt's defaults: 5 s, five times. */
export const KEEPALIVE_MS = 5000;
export const KEEPALIVE_COUNT = 5;

/** A lane that is lost is replaced, so a dead one is found sooner: the transfer stands still behind it. */
export const LANE_KEEPALIVE: KeepaliveOptions = { keepaliveMs: 2000, keepaliveCount: 5 };

/**
 * Watches one link. Any byte from the peer is a sign of life: on a slow link an answer may wait
 * behind megabytes of data, but then the data itself keeps arriving. Looks are counted, not
 * seconds, so a process that was stopped (SIGSTOP, a sleeping laptop) reads what has arrived before
 * it can call the peer dead, and a jump of the clock changes nothing.
 */
export class Keepalive implements Disposable {
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #count: number;
  readonly #ms: number;
  #heard = true;
  #missed = 0;

  /**
   * @param ping called at each look: sends the sign of life that the peer watches for
   * @param silent called once, with the time without a sign from the peer
   */
  constructor(
    options: KeepaliveOptions,
    private readonly ping: () => void,
    private readonly silent: (forMs: number) => void,
  ) {
    this.#ms = options.keepaliveMs ?? KEEPALIVE_MS;
    this.#count = options.keepaliveCount ?? KEEPALIVE_COUNT;
    if (this.#ms <= 0) return;
    this.#timer = setInterval(() => {
      this.#look();
    }, this.#ms);
    this.#timer.unref();
  }

  /** Something came from the peer, or we ourselves did not want to read. */
  heard(): void {
    this.#heard = true;
  }

  #look(): void {
    this.ping();
    this.#missed = this.#heard ? 0 : this.#missed + 1;
    this.#heard = false;
    if (this.#missed < this.#count) return;
    this[Symbol.dispose]();
    this.silent(this.#missed * this.#ms);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
