import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { TunnelError, XenferryError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { encodeHeader } from './frame.js';
import { HANDSHAKE_MS, clientHandshakeFailed } from './handshake-errors.js';
import { refusalOf, refusedFrame } from './refusal.js';
import { credentialsError, type TlsCredentials } from './tls-credentials.js';
import { shownBy } from './shown-peer.js';
import { TlsLink } from './tls-link.js';
import { judgeClient } from './tls-judge.js';
import { ALPN, CIPHERS, hostPort } from './tls-names.js';

/** What a refused client may still send, unread by us, while it reads why: for that it has as long as for its handshake. */
export const REFUSE_DISCARD_BYTES = 64 * 1024;

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
  /** The name in the client's certificate, if it sent one. Not authenticated. */
  readonly subject?: string;
  readonly reason: XenferryError;
}

export interface TlsGateOptions {
  readonly credentials: TlsCredentials;
  /** Called for each client whose certificate is good; takes the link over. */
  readonly onLink: (link: TlsLink, client: string) => void;
  /** Called once for each connection that was turned away. */
  readonly onRefused: (refused: RefusedConnection) => void;
  readonly handshakeMs?: number | undefined;
}

/**
 * TLS 1.3 on incoming connections: only certificates of the authority are accepted. A client without a
 * valid one gets the reason in one REFUSED frame, and nothing it sends is read.
 */
export class TlsGate {
  readonly #options: TlsGateOptions;
  readonly #tls: Server;

  /** Throws `E_TUNNEL_CREDENTIALS`. */
  constructor(options: TlsGateOptions) {
    this.#options = options;
    try {
      this.#tls = createServer({
        ...options.credentials,
        requestCert: true,
        // The verdict is read in #judge, which can then send the reason to the client.
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

  /** Takes ownership of a connection and begins its handshake. */
  admit(socket: Socket): void {
    this.#tls.emit('connection', socket);
  }

  /** New connections are judged by these from now on. Throws `E_TUNNEL_CREDENTIALS`. */
  setCredentials(credentials: TlsCredentials): void {
    try {
      this.#tls.setSecureContext({ ...credentials, ...CONTEXT });
    } catch (error) {
      throw credentialsError(error);
    }
  }

  #judge(socket: TLSSocket): void {
    const client = addressOf(socket);
    const judged = judgeClient(shownBy(socket), client);
    if ('peer' in judged) this.#options.onLink(new TlsLink(socket, judged.peer), client);
    else this.#refuse(socket, client, judged.refused, judged.subject);
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
    }, this.#options.handshakeMs ?? HANDSHAKE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    this.#options.onRefused({ address: client, reason, ...(subject === undefined ? {} : { subject }) });
  }

  #handshakeFailed(error: Error, socket: TLSSocket): void {
    const client = addressOf(socket);
    socket.destroy();
    const reason = clientHandshakeFailed(client, asError(error));
    this.#options.onRefused({ address: client, reason });
  }
}

/** Address and port of the far end, for people; a socket that is gone does not know it any more. */
export function addressOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined || remotePort === undefined ? UNKNOWN_CLIENT : hostPort(remoteAddress, remotePort);
}

export const UNKNOWN_CLIENT = 'a client';
