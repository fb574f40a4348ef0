import { RefusedError } from '../errors/errors.js';

/** Attempts of one peer in an hour that may end without a commit. Each leaves lines in logs, and a journal for thirty days. */
const MOST_OF_PEER = 256;
const SPAN_MS = 3_600_000;

/**
 * The number of recent attempts of each peer without a commit: what a peer makes this host write
 * is bounded by that. Peers are identified by their authenticated name, so their number is that of the allowed ones.
 */
export class FailedAttempts {
  readonly #endedAt = new Map<string, number[]>();

  /** @param now milliseconds of a clock that only goes forward */
  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly mostOfPeer = MOST_OF_PEER,
  ) {}

  note(peer: string): void {
    this.#endedAt.set(peer, [...this.#recent(peer), this.now()]);
  }

  /** Why this peer may not try again yet; undefined if it may. */
  problem(peer: string): RefusedError | undefined {
    const recent = this.#recent(peer);
    if (recent.length < this.mostOfPeer) return undefined;
    const minutes = Math.ceil((recent[0] + SPAN_MS - this.now()) / 60_000);
    const message = `${recent.length} migrations of ${peer} ended here without a guest in the last hour`;
    return new RefusedError('E_REFUSED_BUSY', message, {
      hint: `Look at the source why they fail, and try again in ${minutes} minutes.`,
      data: { count: recent.length },
    });
  }

  #recent(peer: string): number[] {
    const since = this.now() - SPAN_MS;
    const recent = (this.#endedAt.get(peer) ?? []).filter((at) => at > since).slice(-this.mostOfPeer);
    if (recent.length === 0) this.#endedAt.delete(peer);
    return recent;
  }
}
