import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { ShortSocketPath } from './short-socket-path.js';

/** A unix socket of mode 0600 that a server listens on, in place of whatever lay there. */
export class PrivateSocket implements Disposable {
  private constructor(
    private readonly server: Server,
    private readonly short: ShortSocketPath,
  ) {}

  /** The server becomes this socket's own, and is closed with it, or where it cannot listen. Rejects with the system's error. */
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

  /** Takes no more connections, and removes the socket, at once. Those that are open belong to their holders. */
  [Symbol.dispose](): void {
    this.server.close(); // unlinks the path, which leads through the folder's descriptor
    this.short[Symbol.dispose]();
  }
}
