/**
 * A condition variable: waiters check the state again after each notification. One that comes while nothing waits
 * is not lost, because the state that it announced can be seen.
 */
export class Condition {
  #waiters: (() => void)[] = [];

  /** Resolves at the next notification. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  notifyAll(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
