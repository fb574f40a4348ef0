import { constants } from 'node:crypto';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { InvariantError, TunnelError, type XenferryError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { encodeHeader } from './frame.js';
import type { Link } from './link.js';
import { refusalOf, refusedFrame } from './refusal.js';
import { Strangers } from './strangers.js';
import { credentialsError, type TlsCredentials } from './tls-credentials.js';
import { TlsLink } from './tls-link.js';
import { ALPN, CIPHERS, hostPort, identityOf, nameOf, peerCertificate, verdictOf } from './tls-names.js';
import { certificateError, certificateMissing } from './tls-verdict.js';

const HANDSHAKE_MS = 10_000;
/** A handshake costs a signature and some memory (64 KiB): strangers get only so many at a time. Two migrations of 64 lanes. */
const MAX_HALF_OPEN = 128;
/** Those who have a certificate: a hundred migrations of eight lanes and a control link each. */
const MAX_CONNECTIONS = 1024;
/** How long a refused client may take to read why, and how much it may still send meanwhile, unread by us. */
const REFUSE_MS = 2000;
const REFUSE_DISCARD_BYTES = 64 * 1024;

const CONTEXT = {
  ciphers: CIPHERS,
  honorCipherOrder: true,
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  // A resumed session would carry the verdict of an earlier day.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** A connection that did not become a link, for the log. */
export interface RefusedConnection {
  /** Address and port of the client. */
  readonly address: string;
  /** The name in the client's certificate, where it showed one. Not proven. */
  readonly subject?: string;
  readonly reason: XenferryError;
}

export interface TlsListenerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly credentials: TlsCredentials;
  /** Called for each client whose certificate is good; takes the link over. */
  readonly onLink: (link: Link) => void;
  /** Called once for each connection that was turned away. */
  readonly onRefused: (refused: RefusedConnection) => void;
  readonly handshakeMs?: number;
  readonly maxHalfOpen?: number;
  readonly maxConnections?: number;
}

/**
 * A TLS 1.3 port that only certificates of the authority get through. A client without a good one is
 * told why, in one REFUSED frame, and nothing it sends is looked at. Made by `listenTls`.
 */
export class TlsListener implements AsyncDisposable {
  readonly #options: TlsListenerOptions;
  readonly #tcp: TcpServer;
  readonly #tls: TlsServer;
  readonly #open = new Set<Socket>();
  /** Connections in their handshake, and those that are being told why they are refused. */
  readonly #strangers: Strangers;
  /** Strangers that were pushed out, and whose end TLS has yet to tell of as a failed handshake. */
  #pushedOut = 0;

  constructor(options: TlsListenerOptions) {
    this.#options = options;
    this.#strangers = new Strangers(options.maxHalfOpen ?? MAX_HALF_OPEN);
    this.#tcp = createTcpServer((socket) => {
      this.#admit(socket);
    });
    try {
      this.#tls = createTlsServer({
        ...options.credentials,
        requestCert: true,
        // The verdict is read in #judge, which can then tell the client why.
        rejectUnauthorized: false,
        ...CONTEXT,
        ALPNProtocols: [ALPN],
        handshakeTimeout: options.handshakeMs ?? HANDSHAKE_MS,
      });
    } catch (error) {
      throw credentialsError(error);
    }
    this.#tls.on('secureConnection', (socket) => {
      this.#judge(socket);
    });
    this.#tls.on('tlsClientError', (error, socket) => {
      this.#handshakeFailed(error, socket);
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
    return { halfOpen: this.#strangers.count, total: this.#open.size };
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

  /** New connections are judged by these from now on: after a renewal or a revocation. */
  setCredentials(credentials: TlsCredentials): void {
    try {
      this.#tls.setSecureContext({ ...credentials, ...CONTEXT });
    } catch (error) {
      throw credentialsError(error);
    }
  }

  /** Stops listening and ends handshakes under way. Links that were made belong to their holders. */
  close(): Promise<void> {
    this.#tcp.close(); // frees the port now; its callback would wait for every link to end
    this.#strangers.clear();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #admit(socket: Socket): void {
    const client = addressOf(socket);
    const most = this.#options.maxConnections ?? MAX_CONNECTIONS;
    if (this.#open.size - this.#strangers.count >= most) {
      socket.destroy();
      this.#refused(client, busy(client, `${most} connections are open`));
      return;
    }
    const gone = this.#strangers.admit(client, socket.remoteAddress ?? '', socket);
    if (gone !== undefined) {
      this.#pushedOut += 1;
      this.#refused(gone, busy(gone, 'too many others are in their handshake'));
    }
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#strangers.forget(client, socket);
    });
    this.#tls.emit('connection', socket);
  }

  #judge(socket: TLSSocket): void {
    const client = addressOf(socket);
    const certificate = peerCertificate(socket);
    const whose = `the certificate of ${client}`;
    if (certificate === undefined) {
      this.#refuse(socket, client, certificateMissing(client));
    } else if (!socket.authorized || socket.isSessionReused()) {
      this.#refuse(
        socket,
        client,
        certificateError(verdictOf(socket), whose, certificate),
        nameOf(certificate.subject),
      );
    } else if (socket.alpnProtocol !== ALPN) {
      const problem = `${client} does not say that it speaks ${ALPN}`;
      const hint = 'Dial with xenferry; compare the versions on both hosts.';
      this.#refuse(
        socket,
        client,
        new TunnelError('E_TUNNEL_NOT_XENFERRY', problem, { hint }),
        nameOf(certificate.subject),
      );
    } else {
      this.#strangers.forget(client);
      this.#options.onLink(new TlsLink(socket, identityOf(certificate, client)));
    }
  }

  #refuse(socket: TLSSocket, client: string, reason: TunnelError, subject?: string): void {
    socket.on('error', () => undefined); // it is being turned away: how it ends does not matter
    const frame = refusedFrame(refusalOf(reason));
    socket.end(Buffer.concat([encodeHeader(frame), frame.payload]));
    // Closing over unread bytes would reset the connection and take the reason with it.
    let discarded = 0;
    socket.on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > REFUSE_DISCARD_BYTES) socket.destroy();
    });
    const timer = setTimeout(() => {
      socket.destroy();
    }, REFUSE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    this.#refused(client, reason, subject);
  }

  #handshakeFailed(error: Error, socket: TLSSocket): void {
    const client = addressOf(socket);
    socket.destroy();
    if (this.#pushedOut > 0 && socket.remoteAddress === undefined) {
      this.#pushedOut -= 1;
      return;
    }
    const problem = `${client} did not finish the TLS handshake`;
    const hint = 'Something that is not xenferry, or an old version of it, dials this port.';
    this.#refused(client, new TunnelError('E_TUNNEL_HANDSHAKE', problem, { cause: asError(error), hint }));
  }

  #refused(address: string, reason: XenferryError, subject?: string): void {
    this.#options.onRefused({ address, reason, ...(subject === undefined ? {} : { subject }) });
  }
}

/** A listener that listens already. Rejects with `E_TUNNEL_LISTEN` or `E_TUNNEL_CREDENTIALS`. */
export async function listenTls(options: TlsListenerOptions): Promise<TlsListener> {
  const listener = new TlsListener(options);
  await listener.listen();
  return listener;
}

function addressOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined ? 'a client' : hostPort(remoteAddress, remotePort);
}

function busy(client: string, why: string): TunnelError {
  return new TunnelError('E_TUNNEL_BUSY', `${client} turned away: ${why}`, {
    hint: 'Try again when others have finished.',
  });
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
