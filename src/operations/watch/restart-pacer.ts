/** A guest that ran this long has started well. */
const GOOD_RUN_MS = 60_000;
/** So many short runs are dealt with at once: an installer reboots, and a guest may crash twice. */
const FREE_RUNS = 3;
const LONGEST_MS = 60_000;

interface Runs {
  /** The number of the run that ended last. */
  domid: number;
  short: number;
  /** When its end may be dealt with, on the caller's clock. */
  dueMs: number;
}

/**
 * Keeps a guest that ends as soon as it has started from being started without a pause: behind some short runs in a row the
 * next start waits a second, then two, four, up to a minute.
 */
export class RestartPacer {
  readonly #runs = new Map<string, Runs>();

  /**
   * How long, in ms, to leave a guest that has stopped as it is. Ask again behind that.
   * @param ranMs how long it ran; undefined where nobody knows
   * @param nowMs any clock that does not go back
   */
  delay(uuid: string, domid: number, ranMs: number | undefined, nowMs: number): number {
    const before = this.#runs.get(uuid);
    if (before?.domid === domid) return Math.max(0, before.dueMs - nowMs);
    const short = ranMs !== undefined && ranMs < GOOD_RUN_MS ? (before?.short ?? 0) + 1 : 0;
    const pauseMs = short <= FREE_RUNS ? 0 : Math.min(LONGEST_MS, 1000 * 2 ** (short - FREE_RUNS - 1));
    this.#runs.set(uuid, { domid, short, dueMs: nowMs + pauseMs });
    return pauseMs;
  }

  /** Forgets all guests but these. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#runs.keys()) if (!uuids.has(uuid)) this.#runs.delete(uuid);
  }
}
