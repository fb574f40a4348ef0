import type { Socket } from 'node:net';
import type { KeepaliveOptions } from '../keepalive.js';
import type { FramedLink } from '../lane-link.js';
import type { PeerIdentity } from '../peer-identity.js';
import type { Destroyable } from '../handshake-limiter.js';
import type { TlsCredentials } from '../tls-credentials.js';
import type { RefusedConnection } from '../tls-gate.js';
import type { LinkThreads } from './link-threads.js';
import { takeDescriptor } from './moved-socket.js';
import { fromThreadError, type ToThread } from './thread-messages.js';

export interface ThreadedGateOptions {
  readonly credentials: TlsCredentials;
  readonly handshakeMs?: number | undefined;
  readonly keepalive?: KeepaliveOptions | undefined;
  readonly peer?: PeerIdentity | undefined;
  readonly onLink: (link: FramedLink, client: string) => void;
  readonly onRefused: (refused: RefusedConnection) => void;
}

/**
 * A `TlsGate` of one port in each thread of a pool, which may have those of other ports as well: connections are accepted here, and
 * everything else is done there.
 */
export class ThreadedGate {
  #credentials: TlsCredentials;
  readonly #gate: number;

  constructor(
    private readonly pool: LinkThreads,
    private readonly options: ThreadedGateOptions,
  ) {
    this.#credentials = options.credentials;
    this.#gate = pool.openGate(
      (gate) => this.#word(gate),
      ({ address, subject, error }) => {
        options.onRefused({ address, reason: fromThreadError(error), ...(subject === undefined ? {} : { subject }) });
      },
    );
  }

  setCredentials(credentials: TlsCredentials): void {
    this.#credentials = credentials;
    this.pool.tellAll(this.#word(this.#gate));
  }

  /** Takes no more connections; the threads forget it. */
  close(): void {
    this.pool.shutGate(this.#gate);
  }

  /**
   * Moves a connection, of which nothing has been read, to a thread.
   * @param onGone called once it is closed
   * @returns a function that cuts it; undefined if it cannot be moved, and stays with the caller
   */
  admit(socket: Socket, client: string, onGone: () => void): Destroyable | undefined {
    const copy = takeDescriptor(socket, this.pool.duplicateFd);
    if (copy === undefined) return undefined;
    const { peer, onLink } = this.options;
    return this.pool.accept({ fd: copy, gate: this.#gate, client, peer }, (link) => onLink(link, client), onGone);
  }

  #word(gate: number): ToThread {
    const { handshakeMs, keepalive } = this.options;
    return { do: 'gate', gate, credentials: this.#credentials, handshakeMs, keepalive };
  }
}
