import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { AbortedError, messageOf } from '../../api/errors.js';
import { type Link, LaneSocket } from '../../api/internal/receiving.js';
import type { PeerIdentity } from '../../api/internal/ssh.js';
import { receiveOverSsh, runtimeDir, type SshReceiveOptions } from '../../api/process/receive-over-ssh.js';

/** A process that has the path of a socket connects at once. */
const ENTER_MS = 30_000;

/** Hands connections of processes that sshd starts over to a daemon: each through a socket of its own, used once. */
export class SshRendezvous implements Disposable {
  readonly #closing = new AbortController();

  constructor(private readonly to: SshReceiveOptions) {
    setMaxListeners(0, this.#closing.signal); // each socket waits with it
  }

  /**
   * Opens a socket for a connection of the peer. The first connection is accepted; then the socket is closed, or when none arrives in time.
   * @returns the path of a unix socket
   */
  async open(peer: PeerIdentity): Promise<string> {
    this.#closing.signal.throwIfAborted();
    let cameIn: (link: Link) => void = () => undefined;
    const socket = await LaneSocket.listen(runtimeDir(), peer, (link) => cameIn(link));
    const close = (): void => {
      clearTimeout(late);
      this.#closing.signal.removeEventListener('abort', close);
      cameIn = (link) => link.destroy();
      void socket.close();
    };
    const late = setTimeout(close, ENTER_MS);
    this.#closing.signal.addEventListener('abort', close, { once: true });
    cameIn = (link) => {
      close();
      this.takeIn(link.duplex, peer);
    };
    return socket.path;
  }

  /** Receives a guest over a connection of the peer. Takes ownership of the connection. */
  takeIn(duplex: Duplex, peer: PeerIdentity): void {
    receiveOverSsh(duplex, peer, this.to, this.#closing.signal).catch((error: unknown) => {
      this.to.log(`a connection of ${peer.name} (${peer.address}) failed: ${messageOf(error)}`);
    });
  }

  /** Opens no more sockets. Accepted connections end with the migration server. */
  [Symbol.dispose](): void {
    this.#closing.abort(new AbortedError('the daemon of this host ends'));
  }
}
