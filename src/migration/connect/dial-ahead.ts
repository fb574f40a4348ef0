import { orAborted } from '../../errors/deadline.js';
import { AbortedError } from '../../errors/errors.js';
import type { Dialer, Link } from '../../tunnel/link.js';

/** A far side lets a connection go that says nothing for long. */
const STALE_MS = 3_000;

/**
 * Dials a destination's first link while this host still has work of its own to do: a login takes many round trips, and waits for the far
 * host most of the time. The dialer stays its owner's.
 */
export class DialAhead implements Disposable {
  #begun: Promise<Ahead> | undefined;
  readonly #closing = new AbortController();

  constructor(private readonly dialer: Dialer) {}

  /** Begins, once. What goes wrong is told to whoever takes the link. */
  begin(signal: AbortSignal): void {
    if (this.#begun !== undefined) return;
    this.#begun = this.dialer.dial(AbortSignal.any([signal, this.#closing.signal])).then((link) => {
      link.duplex.on('error', () => undefined); // until somebody listens; `destroyed` tells it
      return { link, sinceMs: performance.now() };
    });
    this.#begun.catch(() => undefined);
  }

  /** The link that was begun, for once; else a new one. Rejects as the dialer does, or with the signal's reason. */
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

  /** Cuts a link that nobody has taken, and does not wait for one that is not there yet. */
  [Symbol.dispose](): void {
    this.#closing.abort(new AbortedError('nobody wants the connection any more'));
    if (this.#begun !== undefined) cut(this.#begun);
    this.#begun = undefined;
  }
}

interface Ahead {
  readonly link: Link;
  /** When it was there; of `performance.now()`. */
  readonly sinceMs: number;
}

async function taken(begun: Promise<Ahead>, signal: AbortSignal): Promise<Ahead> {
  try {
    return await orAborted(begun, signal);
  } catch (error) {
    cut(begun); // it may come yet
    throw error;
  }
}

function cut(begun: Promise<Ahead>): void {
  begun.then(
    ({ link }) => link.destroy(),
    () => undefined, // whoever wanted it has heard
  );
}
