import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { SshLogin, PeerIdentity } from '../../api/internal/ssh.js';
import { openSocket } from '../../api/internal/sockets.js';
import { PrivateSocket } from '../../api/internal/receiving.js';
import { makeFolder } from '../../api/internal/folders.js';

/** Most logins at once; further ones start a process. */
const MAX_LOGINS = 256;

export interface ReceiveSocketOptions {
  /** The user that sshd must have authenticated to reach this socket: this process's own. */
  readonly user: string;
  /** Throws for a login that is not allowed here. */
  readonly check: (login: SshLogin) => void;
  /** Takes ownership of the connection. */
  readonly takeIn: (socket: Socket, peer: PeerIdentity) => void;
}

/**
 * The unix socket at which sshd joins a login's channel to the daemon, without a process: a unix socket, mode 0600. Only root, or the daemon's own user, gets to it.
 * sshd tells no keys there, so a login that is let in by its key alone is turned away, and comes again by a process that knows it.
 */
export class ReceiveSocket implements Disposable {
  private constructor(private readonly socket: PrivateSocket) {}

  /** Undefined if another daemon has it already. Rejects with the system's error. */
  static async open(path: string, { user, check, takeIn }: ReceiveSocketOptions): Promise<ReceiveSocket | undefined> {
    makeFolder(dirname(path));
    const other = await openSocket(path);
    if (other !== undefined) {
      other.destroy();
      return undefined;
    }
    const peer: PeerIdentity = { transport: 'ssh', name: `${user}@ssh`, address: path };
    const server = createServer((socket) => {
      socket.on('error', () => undefined); // until there is a listener; `destroyed` shows it
      try {
        check({ user, keys: [] });
      } catch {
        socket.destroy();
        return;
      }
      takeIn(socket, peer);
    });
    server.maxConnections = MAX_LOGINS;
    return new ReceiveSocket(await PrivateSocket.listen(server, path));
  }

  /** Accepts no more logins. Accepted connections belong to their receivers. */
  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}
