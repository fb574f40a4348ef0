/** A guest that ran this long counts as started. */
const GOOD_RUN_MS = 60_000;
/** Number of short runs that are handled without delay: an installer reboots, and a guest may crash twice. */
const FREE_RUNS = 3;
const LONGEST_MS = 60_000;

interface Runs {
  /** Domain id of the run that ended last. */
  domid: number;
  short: number;
  /** When its end may be handled, on the caller's clock. */
  dueMs: number;
}

/**
 * Delays restarts of a guest that ends as soon as it has started: after some short runs in a row the
 * next start waits a second, then two, four, up to a minute.
 */
export class RestartPacer {
  readonly #runs = new Map<string, Runs>();

  /**
   * Milliseconds to leave a stopped guest as it is. Ask again after that.
   * @param ranMs length of its run; undefined if unknown
   * @param nowMs a monotonic clock
   */
  delay(uuid: string, domid: number, ranMs: number | undefined, nowMs: number): number {
    const before = this.#runs.get(uuid);
    if (before?.domid === domid) return Math.max(0, before.dueMs - nowMs);
    const short = ranMs !== undefined && ranMs < GOOD_RUN_MS ? (before?.short ?? 0) + 1 : 0;
    const pauseMs = short <= FREE_RUNS ? 0 : Math.min(LONGEST_MS, 1000 * 2 ** (short - FREE_RUNS - 1));
    this.#runs.set(uuid, { domid, short, dueMs: nowMs + pauseMs });
    return pauseMs;
  }

  /** Forgets all other guests. */
  keepOnly(uuids: ReadonlySet<string>): void {
    for (const uuid of this.#runs.keys()) if (!uuids.has(uuid)) this.#runs.delete(uuid);
  }
}
