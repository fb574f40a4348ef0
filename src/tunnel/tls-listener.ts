import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { InvariantError, TunnelError, XenferryError } from '../errors/errors.js';
import { FrameLink } from './frame-link.js';
import type { KeepaliveOptions } from './keepalive.js';
import type { FramedLink } from './lane-link.js';
import type { Link } from './link.js';
import type { PeerIdentity } from './peer-identity.js';
import { PeerLimits } from './peer-limits.js';
import { HandshakeLimiter, type Destroyable } from './handshake-limiter.js';
import type { LinkThreads } from './threads/link-threads.js';
import { ThreadedGate } from './threads/threaded-gate.js';
import type { TlsCredentials } from './tls-credentials.js';
import { TlsGate, UNKNOWN_CLIENT, addressOf, type RefusedConnection } from './tls-gate.js';
import { hostPort } from './tls-names.js';

/** A handshake costs a signature and some memory (64 KiB): bounds those that run at a time. Two migrations of 64 lanes. */
const MAX_HALF_OPEN = 128;
/** Those who have a certificate: a hundred migrations of eight lanes and a control link each. */
const MAX_CONNECTIONS = 1024;

export interface TlsListenerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly credentials: TlsCredentials;
  /** Called for each client with a valid certificate, without threads; takes ownership of the link. */
  readonly onLink: (link: Link) => void;
  /** If given, connections run in these threads, from their handshake on. The caller keeps the threads. */
  readonly threads?:
    | {
        readonly pool: LinkThreads;
        /** Called in place of `onLink`; takes the link over. */
        readonly onLink: (link: FramedLink) => void;
        /** The identity of clients, if it was authenticated by other means than the certificate. */
        readonly peer?: PeerIdentity;
      }
    | undefined;
  /** Called once for each connection that was turned away. */
  readonly onRefused: (refused: RefusedConnection) => void;
  readonly handshakeMs?: number;
  /** Of connections in threads; absent: as usual. */
  readonly keepalive?: KeepaliveOptions | undefined;
  readonly maxHalfOpen?: number;
  readonly maxConnections?: number;
  /** Of one peer, that have authenticated; absent: a quarter of `maxConnections`. */
  readonly maxOfPeer?: number;
}

/** A TLS 1.3 port that only certificates of the authority get through; see `TlsGate`. Made by `listenTls`. */
export class TlsListener implements AsyncDisposable {
  readonly #options: TlsListenerOptions;
  readonly #tcp: Server;
  readonly #gate: TlsGate;
  readonly #threaded: ThreadedGate | undefined;
  readonly #open = new Set<Destroyable>();
  readonly #ofPeers: PeerLimits;
  /** By the client's address and port: removes its connection from its peer's count. */
  readonly #counted = new Map<string, Disposable>();
  /** Connections in their handshake, and those that are being refused. */
  readonly #handshakes: HandshakeLimiter;
  /** Handshakes that were pushed out, and whose end TLS has yet to report as a failed handshake. */
  #pushedOut = 0;

  constructor(options: TlsListenerOptions) {
    this.#options = options;
    this.#handshakes = new HandshakeLimiter(options.maxHalfOpen ?? MAX_HALF_OPEN);
    this.#ofPeers = new PeerLimits({
      what: 'connections to this host',
      perPeer: options.maxOfPeer ?? Math.max(1, Math.floor((options.maxConnections ?? MAX_CONNECTIONS) / 4)),
      hint: 'Try again when some of them have ended.',
    });
    // A connection that moves to a thread must not be read from here.
    this.#tcp = createServer({ pauseOnConnect: options.threads !== undefined }, (socket) => {
      this.#admit(socket);
    });
    const onRefused = (refused: RefusedConnection): void => {
      this.#turnedAway(refused);
    };
    this.#gate = new TlsGate({
      credentials: options.credentials,
      onLink: (link, client) => {
        this.#handshakes.forget(client);
        const refused = this.#count(client, link.peer);
        if (refused === undefined) options.onLink(link);
        else void new FrameLink(link).refuse(refused);
      },
      onRefused,
      handshakeMs: options.handshakeMs,
    });
    const { threads } = options;
    this.#threaded =
      threads === undefined
        ? undefined
        : new ThreadedGate(threads.pool, {
            credentials: options.credentials,
            handshakeMs: options.handshakeMs,
            keepalive: options.keepalive,
            peer: threads.peer,
            onLink: (link, client) => {
              this.#handshakes.forget(client);
              const refused = this.#count(client, link.peer);
              if (refused === undefined) threads.onLink(link);
              else void link.refuse(refused);
            },
            onRefused,
          });
  }

  /** The port it listens on. */
  get port(): number {
    const address = this.#tcp.address();
    if (address === null || typeof address === 'string') throw new InvariantError('the listener does not listen');
    return address.port;
  }

  /** Connections in their handshake, and all of them. */
  get connections(): { readonly halfOpen: number; readonly total: number } {
    return { halfOpen: this.#handshakes.count, total: this.#open.size };
  }

  /** Starts listening. Rejects with `E_TUNNEL_LISTEN`. */
  async listen(): Promise<AddressInfo> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => {
        reject(listenError(host, port, error));
      };
      this.#tcp.once('error', onError);
      this.#tcp.listen({ host, port, exclusive: true }, () => {
        this.#tcp.off('error', onError);
        // Running out of descriptors fails one accept, not the listener.
        this.#tcp.on('error', (error) => {
          this.#options.onRefused({ address: 'unknown', reason: listenError(host, port, error) });
        });
        resolve();
      });
    });
    const address = this.#tcp.address();
    if (address === null || typeof address === 'string') throw new InvariantError('the listener does not listen');
    return address;
  }

  /** New connections are judged by these from now on: after a renewal or a revocation. Throws `E_TUNNEL_CREDENTIALS`. */
  setCredentials(credentials: TlsCredentials): void {
    this.#gate.setCredentials(credentials);
    this.#threaded?.setCredentials(credentials);
  }

  /** Stops listening and ends handshakes under way. Links that were made belong to their holders. */
  close(): Promise<void> {
    this.#tcp.close(); // frees the port now; its callback would wait for every link to end
    this.#handshakes.clear();
    this.#threaded?.close();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #admit(socket: Socket): void {
    const client = addressOf(socket);
    const host = socket.remoteAddress ?? '';
    const most = this.#options.maxConnections ?? MAX_CONNECTIONS;
    if (this.#open.size - this.#handshakes.count >= most) {
      socket.destroy();
      this.#options.onRefused(busy(client, `${most} connections are open`));
      return;
    }
    const connection: Destroyable = this.#threaded?.admit(socket, client, () => forget()) ?? socket;
    const forget = (): void => {
      this.#open.delete(connection);
      this.#counted.get(client)?.[Symbol.dispose]();
      this.#counted.delete(client);
      this.#handshakes.forget(client, connection);
    };
    const gone = this.#handshakes.admit(client, host, connection);
    if (gone !== undefined) {
      this.#pushedOut += 1;
      this.#options.onRefused(busy(gone, 'too many others are in their handshake'));
    }
    this.#open.add(connection);
    if (this.#threaded !== undefined) return;
    socket.once('close', forget);
    this.#gate.admit(socket);
  }

  /** Counts a connection of the peer's until it is closed. Returns why it must be refused, which is reported. */
  #count(client: string, peer: PeerIdentity): XenferryError | undefined {
    try {
      this.#counted.set(client, this.#ofPeers.enter(peer.name));
      return undefined;
    } catch (error) {
      if (!(error instanceof XenferryError)) throw error;
      this.#options.onRefused({ address: client, subject: peer.name, reason: error });
      return error;
    }
  }

  #turnedAway(refused: RefusedConnection): void {
    if (this.#pushedOut > 0 && refused.address === UNKNOWN_CLIENT) {
      this.#pushedOut -= 1; // that was reported already
      return;
    }
    this.#options.onRefused(refused);
  }
}

/** A listener that listens already. Rejects with `E_TUNNEL_LISTEN` or `E_TUNNEL_CREDENTIALS`. */
export async function listenTls(options: TlsListenerOptions): Promise<TlsListener> {
  const listener = new TlsListener(options);
  await listener.listen();
  return listener;
}

function busy(client: string, why: string): RefusedConnection & { readonly reason: XenferryError } {
  const hint = 'Try again when others have finished.';
  return { address: client, reason: new TunnelError('E_TUNNEL_BUSY', `${client} turned away: ${why}`, { hint }) };
}

function listenError(host: string, port: number, error: NodeJS.ErrnoException): TunnelError {
  const taken = error.code === 'EADDRINUSE';
  return new TunnelError('E_TUNNEL_LISTEN', `cannot listen on ${hostPort(host, port)}`, {
    cause: error,
    hint: taken
      ? `Another program has the port: \`ss -ltnp sport = :${port}\` names it. Choose another with --port.`
      : 'Check that the address is one of this host and the port is allowed.',
    data: { host, port, errno: error.code ?? null },
  });
}
