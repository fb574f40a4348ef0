import { X509Certificate } from 'node:crypto';
import { asError } from '../../errors/message-of.js';
import type { Shown, TlsSession } from '../../posix/tls/tls-session.js';
import type { ShownPeer } from '../shown-peer.js';
import type { Attended } from './attended.js';

export interface HandshakeEvents {
  /** It is done; takes the session over, and judges what was shown. */
  readonly onDone: (session: TlsSession, shown: ShownPeer) => void;
  /** It has failed; the session is closed. */
  readonly onFailed: (cause: Error) => void;
  /** It took too long; the session is closed. */
  readonly onLate: () => void;
}

/** A connection in its handshake, whose end it waits for up to a deadline. */
export class Handshake implements Attended {
  readonly due: number;
  #over = false;
  #begun = false;

  /** @param session taken over */
  constructor(
    private readonly session: TlsSession,
    ms: number,
    private readonly events: HandshakeEvents,
  ) {
    this.due = performance.now() + ms;
  }

  get fd(): number {
    return this.#over ? -1 : this.session.fd;
  }

  /** A client speaks first: it has something to do before anything comes. */
  get busy(): boolean {
    return !this.#over && !this.#begun;
  }

  get awaits(): number {
    return this.session.readAwaits;
  }

  turn(events: number, now: number): void {
    if (this.#over || (this.#begun && events === 0 && now < this.due)) return;
    this.#begun = true;
    let shown: ShownPeer | undefined;
    try {
      this.session.begin();
      if (this.session.handshake()) shown = shownPeer(this.session.shown());
    } catch (error) {
      this.destroy();
      this.events.onFailed(asError(error));
      return;
    }
    if (shown !== undefined) {
      this.#over = true;
      this.events.onDone(this.session, shown);
    } else if (now >= this.due) {
      this.destroy();
      this.events.onLate();
    }
  }

  abandon(): void {
    this.destroy();
  }

  /** Closes it; nothing is said. */
  destroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.session.close();
  }
}

/** A session that was taken up again would carry the verdict of an earlier day. */
const RESUMED = 'unknown';

function shownPeer({ certificate, verdict, protocol, resumed }: Shown): ShownPeer {
  return {
    certificate: certificate === undefined ? undefined : new X509Certificate(certificate).toLegacyObject(),
    verdict: verdict ?? (resumed ? RESUMED : undefined),
    protocol,
  };
}
