/** Factor between the wait and the cost of a small batch. */
const TIMES = 12;
/** In ms. Least: the resolution of a timer. Most: a delay that has no effect while the guest runs. */
const LEAST_MS = 1;
const MOST_MS = 100;
/** What counts as small: its cost is that of a batch, not of its bytes. */
const SMALL_BYTES = 64 * 1024;

/**
 * How long a small batch waits for more data before it is sent. A batch costs the same few steps on both hosts whatever is in it: next to
 * nothing on most, milliseconds on a slow one, and libxc writes small records by the thousand where a guest has no memory.
 */
export class FlushDelay {
  #batchMs = 0;
  #hurried = false;

  /** How long to wait, in ms. */
  get ms(): number {
    if (this.#hurried) return LEAST_MS;
    return Math.min(MOST_MS, Math.max(LEAST_MS, Math.round(this.#batchMs * TIMES)));
  }

  /** A batch was sent; `ms` is the time it took. */
  sent(bytes: number, ms: number): void {
    if (bytes <= SMALL_BYTES) this.#batchMs += (Math.min(ms, MOST_MS) - this.#batchMs) / 8;
  }

  /** From now on the delay is the least: the guest is suspended. */
  minimize(): void {
    this.#hurried = true;
  }
}
