import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { ShortSocketPath } from './short-socket-path.js';

/** A unix socket of mode 0600 that a server listens on, replacing an existing file. */
export class PrivateSocket implements Disposable {
  private constructor(
    private readonly server: Server,
    private readonly short: ShortSocketPath,
  ) {}

  /**
   * Takes ownership of the server, which is closed with the socket, or if it cannot listen. Rejects with the system's
   * error.
   */
  static async listen(server: Server, path: string): Promise<PrivateSocket> {
    const socket = new PrivateSocket(server, new ShortSocketPath(path));
    try {
      rmSync(path, { force: true });
      server.listen(socket.short.path);
      await once(server, 'listening');
      chmodSync(path, 0o600);
      server.on('error', () => undefined); // running out of descriptors fails one accept, not the listener
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  /** Accepts no more connections, and removes the socket immediately. Open connections belong to their holders. */
  [Symbol.dispose](): void {
    this.server.close(); // unlinks the path, which leads through the folder's descriptor
    this.short[Symbol.dispose]();
  }
}
