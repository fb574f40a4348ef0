import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { AbortedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Link } from '../../tunnel/link.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import { LaneSocket } from '../../tunnel/ssh/lane-socket.js';
import { receiveOverSsh, runtimeDir, type SshReception } from '../receive-over-ssh.js';

/** Who was told of a door stands before it. */
const ENTER_MS = 30_000;

/** Where the processes that sshd starts hand their connections over to a daemon: each through a door of its own, for once. */
export class SshDoors implements Disposable {
  readonly #closing = new AbortController();

  constructor(private readonly to: SshReception) {
    setMaxListeners(0, this.#closing.signal); // each door waits with it
  }

  /**
   * Opens a door for a connection of the peer's. The first to come in is it; the door is closed behind it, or when nobody comes.
   * @returns the path of a unix socket
   */
  async open(peer: PeerIdentity): Promise<string> {
    this.#closing.signal.throwIfAborted();
    let cameIn: (link: Link) => void = () => undefined;
    const door = await LaneSocket.listen(runtimeDir(), peer, (link) => cameIn(link));
    const close = (): void => {
      clearTimeout(late);
      this.#closing.signal.removeEventListener('abort', close);
      cameIn = (link) => link.destroy();
      void door.close();
    };
    const late = setTimeout(close, ENTER_MS);
    this.#closing.signal.addEventListener('abort', close, { once: true });
    cameIn = (link) => {
      close();
      this.takeIn(link.duplex, peer);
    };
    return door.path;
  }

  /** Receives what comes over a connection of the peer's, which is taken over. */
  takeIn(duplex: Duplex, peer: PeerIdentity): void {
    receiveOverSsh(duplex, peer, this.to, this.#closing.signal).catch((error: unknown) => {
      this.to.log(`a connection of ${peer.name} (${peer.address}) came to nothing: ${messageOf(error)}`);
    });
  }

  /** Opens no more. What has come in ends with the reception. */
  [Symbol.dispose](): void {
    this.#closing.abort(new AbortedError('the daemon of this host ends'));
  }
}
