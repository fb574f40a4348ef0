import { orAborted } from '../../errors/deadline.js';
import { AbortedError } from '../../errors/errors.js';
import type { Dialer, Link } from '../../tunnel/link.js';

/** The far side closes a connection that stays silent for long. */
const STALE_MS = 3_000;

/**
 * Dials a destination's first link while this host still has other work to do: a login takes many round trips, and
 * mostly waits for the far host. The caller keeps the dialer.
 */
export class DialAhead implements Disposable {
  #begun: Promise<Ahead> | undefined;
  readonly #closing = new AbortController();

  constructor(private readonly dialer: Dialer) {}

  /** Starts dialling, once. The caller of `dial` gets its errors. */
  begin(signal: AbortSignal): void {
    if (this.#begun !== undefined) return;
    this.#begun = this.dialer.dial(AbortSignal.any([signal, this.#closing.signal])).then((link) => {
      link.duplex.on('error', () => undefined); // until there is a listener; `destroyed` shows it
      return { link, sinceMs: performance.now() };
    });
    this.#begun.catch(() => undefined);
  }

  /**
   * The link that was dialled ahead, once; afterwards a new one. Rejects as the dialer does, or with the signal's
   * reason.
   */
  async dial(signal: AbortSignal): Promise<Link> {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun !== undefined) {
      const { link, sinceMs } = await taken(begun, signal);
      if (performance.now() - sinceMs < STALE_MS && !link.duplex.destroyed) return link;
      link.destroy();
    }
    return await this.dialer.dial(signal);
  }

  /** Cuts a link that was not taken, and does not wait for one that is still being dialled. */
  [Symbol.dispose](): void {
    this.#closing.abort(new AbortedError('the connection is no longer needed'));
    if (this.#begun !== undefined) cut(this.#begun);
    this.#begun = undefined;
  }
}

interface Ahead {
  readonly link: Link;
  /** Time of its opening, of `performance.now()`. */
  readonly sinceMs: number;
}

async function taken(begun: Promise<Ahead>, signal: AbortSignal): Promise<Ahead> {
  try {
    return await orAborted(begun, signal);
  } catch (error) {
    cut(begun); // it may still arrive
    throw error;
  }
}

function cut(begun: Promise<Ahead>): void {
  begun.then(
    ({ link }) => link.destroy(),
    () => undefined, // whoever wanted it has heard
  );
}
