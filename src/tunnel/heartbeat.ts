import { Keepalive, type KeepaliveOptions } from './keepalive.js';

/** Sends PINGs at the rate of keepalive, takes the PONGs, and so measures the round trip. */
export class Heartbeat implements Disposable {
  readonly #options: KeepaliveOptions;
  readonly #send: (sequence: number) => boolean;
  readonly #silent: (forMs: number) => void;
  #keepalive: Keepalive | undefined;
  #stopped = false;
  #sequence = 0;
  #sentAt: number | undefined;
  #rttMs: number | undefined;

  /**
   * @param send sends a PING; false if it cannot now
   * @param silent called once, with the time without a sign from the peer
   */
  constructor(options: KeepaliveOptions, send: (sequence: number) => boolean, silent: (forMs: number) => void) {
    this.#options = options;
    this.#send = send;
    this.#silent = silent;
  }

  /** The last measured round trip; undefined before the first answer. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Begins, once. */
  start(): void {
    if (this.#stopped) return;
    const ping = (): void => {
      if (!this.#send(this.#sequence + 1)) return;
      this.#sequence += 1;
      this.#sentAt = performance.now();
    };
    this.#keepalive ??= new Keepalive(this.#options, ping, this.#silent);
  }

  /** There was a sign of life. */
  heard(): void {
    this.#keepalive?.heard();
  }

  pong(sequence: number): void {
    if (sequence === this.#sequence && this.#sentAt !== undefined) this.#rttMs = performance.now() - this.#sentAt;
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    this.#keepalive?.[Symbol.dispose]();
  }
}
