import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { RefusedError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { openSocket } from '../../host/jobs/open-socket.js';
import type { Role } from '../calls/call.js';
import { ClientSession } from './session.js';

/** Clients of one socket at once. */
const MOST_CLIENTS = 1024;

/** One socket, and its clients' role. */
export interface LibvirtSocket {
  readonly path: string;
  readonly role: Exclude<Role, 'peer'>;
  /** The file's mode is who may connect: Node knows no other side's user. */
  readonly mode: number;
}

/** The unix sockets for clients of libvirt's protocol, as libvirtd has them. */
export class LibvirtServer implements AsyncDisposable {
  readonly #servers: { readonly server: Server; readonly path: string }[] = [];
  readonly #sessions = new Set<ClientSession>();

  private constructor(
    private readonly host: Host,
    private readonly log: (line: string) => void,
  ) {}

  /**
   * Listens on every socket or on none. @throws RefusedError `E_REFUSED_LIBVIRT_SOCKET` where another process answers there; the system's
   * error
   */
  static async open(
    host: Host,
    sockets: readonly LibvirtSocket[],
    log: (line: string) => void,
  ): Promise<LibvirtServer> {
    const server = new LibvirtServer(host, log);
    try {
      for (const socket of sockets) await server.#listen(socket);
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #listen({ path, role, mode }: LibvirtSocket): Promise<void> {
    const other = await openSocket(path);
    if (other !== undefined) {
      other.destroy();
      throw new RefusedError('E_REFUSED_LIBVIRT_SOCKET', `another process answers at ${path}`, {
        hint: 'Stop it (`systemctl stop virtxend.socket virtxend libvirtd`), or leave `libvirt_sockets` out of the configuration.',
        data: { path },
      });
    }
    rmSync(path, { force: true });
    const server = createServer((socket: Socket) => this.takeIn(socket, role, `client of ${path}`));
    server.maxConnections = MOST_CLIENTS;
    server.listen(path);
    await once(server, 'listening');
    server.on('error', () => undefined); // running out of descriptors fails one accept, not the listener
    this.#servers.push({ server, path });
    chmodSync(path, mode);
  }

  /** Serves one client; the stream is the session's own from here on. */
  takeIn(stream: Duplex, role: Role, name: string): void {
    const session = new ClientSession(stream, { host: this.host, role, name, log: this.log });
    this.#sessions.add(session);
    void session.ended.then(() => this.#sessions.delete(session));
  }

  /** Accepts no more clients, disconnects the present ones, and waits for their calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server } of this.#servers) server.close(); // unlinks the path
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
  }
}
