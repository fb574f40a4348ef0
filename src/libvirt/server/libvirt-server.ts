import { once } from 'node:events';
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { RefusedError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { openSocket } from '../../host/jobs/open-socket.js';
import { RefusalLog } from '../../tunnel/refusal-log.js';
import type { Role } from '../calls/call.js';
import { ClientSession } from './session.js';

/** Clients of one socket at once: every user of the host may be one that only reads. */
const MOST_CLIENTS = { admin: 1024, reader: 64 } as const;

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

  /** Every user of the host may cause failures: no flood of them fills the log. */
  readonly #failures: RefusalLog;

  private constructor(
    private readonly host: Host,
    log: (line: string) => void,
  ) {
    this.#failures = new RefusalLog(log, undefined, {
      line: 'libvirt: ',
      more: 'libvirt: more clients failed than are listed',
    });
  }

  /**
   * Listens on every socket or on none. @throws RefusedError `E_REFUSED_LIBVIRT_SOCKET` if another process answers there, or if the path is that of
   * something else than a socket; the system's error
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
    removeSocket(path);
    const server = createServer((socket: Socket) => this.takeIn(socket, role, `client of ${path}`));
    server.maxConnections = MOST_CLIENTS[role];
    server.listen(path);
    await once(server, 'listening');
    server.on('error', () => undefined); // running out of descriptors fails one accept, not the listener
    this.#servers.push({ server, path });
    chmodSync(path, mode);
  }

  /** Serves one client; the stream is the session's own from here on. */
  takeIn(stream: Duplex, role: Role, name: string): void {
    const session = new ClientSession(stream, {
      host: this.host,
      role,
      failed: (reason) => this.#failures.note({ address: name, reason }),
    });
    this.#sessions.add(session);
    void session.ended.then(() => this.#sessions.delete(session));
  }

  /** Accepts no more clients, disconnects the present ones, and waits for their calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server } of this.#servers) server.close(); // unlinks the path
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
    this.#failures[Symbol.dispose]();
  }
}

/** Removes the socket of a server that has ended, and nothing else. */
function removeSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new RefusedError('E_REFUSED_LIBVIRT_SOCKET', `${path} exists already, and is not a socket`, {
      hint: 'Name a path that does not exist yet.',
      data: { path },
    });
  }
  rmSync(path);
}
