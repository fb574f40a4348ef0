import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { TunnelError } from '../../errors/errors.js';
import type { Link } from '../link.js';
import type { PeerIdentity } from '../peer-identity.js';

/** As many links as one migration can have, and some for those that are just closing. */
const MAX_LINKS = 64;

/**
 * Receives the further links of one `xenferry receive`: a Unix socket in a folder that only its
 * user may enter, so that only this user, authenticated by sshd, or root can connect.
 */
export class LaneSocket implements AsyncDisposable {
  readonly path: string;
  readonly #dir: string;
  readonly #server: Server;

  private constructor(dir: string, peer: PeerIdentity, onLink: (link: Link) => void) {
    this.#dir = dir;
    this.path = join(dir, 'lanes');
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined); // until there is a listener; `destroyed` shows it
      onLink({
        peer,
        duplex: socket,
        destroy: (error) => {
          socket.destroy(error);
        },
      });
    });
    this.#server.maxConnections = MAX_LINKS;
  }

  /**
   * Makes the folder and listens.
   * @param parent folder for run-time files of this user, such as /run/xenferry
   * @param peer the other end, authenticated by ssh
   * @param onLink called for each link; takes it over
   * Rejects with `E_TUNNEL_LISTEN`.
   */
  static async listen(parent: string, peer: PeerIdentity, onLink: (link: Link) => void): Promise<LaneSocket> {
    let dir: string | undefined;
    try {
      dir = mkdtempSync(join(parent, 'ssh-'));
      chmodSync(dir, 0o700);
      const lanes = new LaneSocket(dir, peer, onLink);
      await new Promise<void>((resolve, reject) => {
        lanes.#server.once('error', reject);
        lanes.#server.listen(lanes.path, () => {
          lanes.#server.off('error', reject);
          // Running out of descriptors fails one accept, not the listener.
          lanes.#server.on('error', () => undefined);
          resolve();
        });
      });
      return lanes;
    } catch (error) {
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
      throw new TunnelError('E_TUNNEL_LISTEN', `cannot listen on a socket in ${parent}`, {
        cause: error,
        hint: 'Check that the folder is there, may be written to, and has a short name.',
        data: { parent },
      });
    }
  }

  /** Stops listening and removes the folder. Links that were made belong to their holders. */
  close(): Promise<void> {
    this.#server.close();
    try {
      rmSync(this.#dir, { recursive: true, force: true });
    } catch {
      // An empty folder that stays harms nobody; whoever closes may be a daemon with other things to do.
    }
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
