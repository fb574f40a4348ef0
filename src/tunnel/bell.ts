/**
 * Wakes whoever waits for a change. Waiters look at the state again after each ring, so a ring that
 * nobody waits for is not lost: the state it announced is there to be seen.
 */
export class Bell {
  #waiters: (() => void)[] = [];

  /** Resolves at the next ring. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  ring(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
