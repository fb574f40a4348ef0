import { RefusedError } from '../errors/errors.js';

/** A limit of something that peers have at once. */
export interface PeerLimitOptions {
  /** What is counted, in the plural, as a person reads it. */
  readonly what: string;
  /** Most of one peer's. */
  readonly perPeer: number;
  readonly hint: string;
}

/**
 * Counts open resources of each peer. A certificate identifies a peer, but does not prove that its program is sound: one peer must
 * not exhaust what the others need. Peers are identified by their authenticated name.
 */
export class PeerLimits {
  readonly #held = new Map<string, number>();

  constructor(private readonly options: PeerLimitOptions) {}

  /** How many one peer has open. */
  count(peer: string): number {
    return this.#held.get(peer) ?? 0;
  }

  /**
   * Counts one more, until it is disposed; disposing twice counts once.
   * @throws RefusedError `E_REFUSED_BUSY`
   */
  enter(peer: string): Disposable {
    const { what, perPeer, hint } = this.options;
    const held = this.count(peer);
    if (held >= perPeer) {
      const message = `${peer} has ${held} ${what}, which is as many as one peer may`;
      throw new RefusedError('E_REFUSED_BUSY', message, { hint });
    }
    this.#held.set(peer, held + 1);
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        const now = this.count(peer) - 1;
        if (now === 0) this.#held.delete(peer);
        else this.#held.set(peer, now);
      },
    };
  }
}
