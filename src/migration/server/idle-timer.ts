/** Calls back after a time without work. Disposing it stops the timer. */
export class IdleTimer implements Disposable {
  #timer: NodeJS.Timeout | undefined;
  #busy = 0;
  #over = false;

  /** @param onIdle called after that time without work; returning false restarts the time */
  constructor(
    private readonly idleMs: number,
    private readonly onIdle: () => boolean,
  ) {
    this.#restart();
  }

  /** Does the work; the time starts when it is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    clearTimeout(this.#timer);
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      if (this.#busy === 0) this.#restart();
    }
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #restart(): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    this.#timer = setTimeout(() => {
      if (!this.onIdle()) this.#restart();
    }, this.idleMs).unref();
  }
}
