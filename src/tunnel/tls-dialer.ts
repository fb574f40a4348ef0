import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { FrameLink } from './frame-link.js';
import { LANE_KEEPALIVE, type KeepaliveOptions } from './keepalive.js';
import type { FramedLink } from './lane-link.js';
import type { Dialer } from './link.js';
import { CONNECT_MS, connectTimeout, dialFailed, dialHandshakeTimeout } from './handshake-errors.js';
import { shownBy } from './shown-peer.js';
import { credentialsError } from './tls-credentials.js';
import { judgeServer } from './tls-judge.js';
import { TlsLink } from './tls-link.js';
import type { OpenLink, TlsDialerOptions } from './tls-options.js';
import { ALPN, CIPHERS, hostPort } from './tls-names.js';

/**
 * Dials `xenferry serve` over TLS 1.3, both sides with certificates. There is no other way: whatever
 * fails, nothing is ever sent in the clear.
 */
export class TlsDialer implements Dialer {
  readonly transport = 'tls';
  readonly target: string;
  readonly #options: TlsDialerOptions;
  readonly #openLink: OpenLink | undefined;
  readonly #dialling = new Set<TLSSocket>();

  /** @param openLink opens the lanes; absent: they live in this thread */
  constructor(options: TlsDialerOptions, openLink?: OpenLink) {
    this.#options = options;
    this.#openLink = openLink;
    this.target = hostPort(options.host, options.port);
  }

  /**
   * One more link to the server, which has been verified. That the server accepts *our* certificate
   * is known with the answer to the link's OPEN. Rejects with `E_TUNNEL_UNREACHABLE`,
   * `E_TUNNEL_HANDSHAKE` or `E_TUNNEL_CERT_*`, or with the signal's reason.
   */
  async dial(signal: AbortSignal): Promise<TlsLink> {
    signal.throwIfAborted();
    const socket = this.#connect();
    this.#dialling.add(socket);
    const onAbort = (): void => {
      socket.destroy(asError(signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#secured(socket);
      return new TlsLink(socket, judgeServer(shownBy(socket), this.#options));
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#dialling.delete(socket);
    }
  }

  /** The name is looked up anew each time, so a host that has moved to another address is found there. */
  dialAgain(signal: AbortSignal): Promise<TlsLink> {
    return this.dial(signal);
  }

  async dialLane(signal: AbortSignal): Promise<FramedLink> {
    if (this.#openLink !== undefined) return this.#openLink(this.#options, this.#laneKeepalive, signal);
    return new FrameLink(await this.dial(signal), this.#laneKeepalive);
  }

  get keepalive(): KeepaliveOptions | undefined {
    return this.#options.keepalive;
  }

  get #laneKeepalive(): KeepaliveOptions {
    return this.#options.keepalive ?? LANE_KEEPALIVE;
  }

  /** Gives up attempts that are under way; links that were made belong to their holders. */
  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#dialling) {
      socket.destroy(new TunnelError('E_TUNNEL_CLOSED', `dialling ${this.target} was given up`));
    }
    return Promise.resolve();
  }

  #connect(): TLSSocket {
    const { host, port, credentials } = this.#options;
    const named = this.#options.expectedHost ?? host;
    try {
      return connect({
        host,
        port,
        ...credentials,
        ...(isIP(named) === 0 ? { servername: named } : {}),
        ALPNProtocols: [ALPN],
        ciphers: CIPHERS,
        minVersion: 'TLSv1.3',
        maxVersion: 'TLSv1.3',
        // The verdict is read by judgeServer, which can then name the certificate. Nothing is written before.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      });
    } catch (error) {
      throw credentialsError(error);
    }
  }

  /** Resolves after the handshake; the certificate has not been judged then. */
  async #secured(socket: TLSSocket): Promise<void> {
    const connectMs = this.#options.connectMs ?? CONNECT_MS;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const problem = socket.connecting
          ? connectTimeout(this.target, connectMs)
          : dialHandshakeTimeout(this.target, connectMs);
        socket.destroy(problem);
      }, connectMs);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        settle();
      };
      socket.once('secureConnect', () => {
        finish(resolve);
      });
      // Stays for the socket's life: an error after this promise has settled must not be thrown.
      socket.on('error', (error: Error) => {
        finish(() => {
          reject(error instanceof TunnelError ? error : this.#failed(socket, error));
        });
      });
      socket.once('close', () => {
        finish(() => {
          reject(this.#failed(socket, new Error('the connection was closed')));
        });
      });
    });
  }

  #failed(socket: TLSSocket, error: Error): TunnelError {
    return dialFailed(this.target, error, socket.remoteAddress ?? null);
  }
}
