import { isIP } from 'node:net';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import { TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { FrameLink } from './frame-link.js';
import { LANE_KEEPALIVE, type KeepaliveOptions } from './keepalive.js';
import type { FramedLink } from './lane-link.js';
import type { Dialer } from './link.js';
import type { PeerIdentity } from './peer-identity.js';
import { credentialsError } from './tls-credentials.js';
import { TlsLink } from './tls-link.js';
import type { OpenLink, TlsDialerOptions } from './tls-options.js';
import { ALPN, CIPHERS, hostPort, identityOf, peerCertificate, verdictOf } from './tls-names.js';
import { certificateError, certificateMissing, certificateNameless } from './tls-verdict.js';

/** How long connecting and the handshake may take, together. */
const CONNECT_MS = 10_000;

const WRONG_HOST = 'ERR_TLS_CERT_ALTNAME_INVALID';

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
]);

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
      return new TlsLink(socket, this.#verified(socket));
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
        // The verdict is read by #verified, which can then name the certificate. Nothing is written before.
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
        const seconds = (connectMs / 1000).toFixed(1);
        const problem = socket.connecting
          ? new TunnelError('E_TUNNEL_UNREACHABLE', `no answer from ${this.target} within ${seconds} s`, {
              hint: 'Check the address, that the host is up, and that no firewall drops the port.',
            })
          : new TunnelError(
              'E_TUNNEL_HANDSHAKE',
              `${this.target} did not finish the TLS handshake within ${seconds} s`,
              {
                hint: 'Something answers there, but it may not be `xenferry serve`.',
              },
            );
        socket.destroy(problem);
      }, connectMs);
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        settle();
      };
      socket.once('secureConnect', () => {
        finish(resolve);
      });
      // Stays for the socket's life: what breaks after this promise has settled must not be thrown.
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
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    if (UNREACHABLE.has(code)) {
      return new TunnelError('E_TUNNEL_UNREACHABLE', `${this.target} cannot be reached`, {
        cause: error,
        hint: 'Check the address and port, and that `xenferry serve` runs there.',
        data: { target: this.target, errno: code },
      });
    }
    const refused = code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' || code === 'ERR_SSL_WRONG_VERSION_NUMBER';
    return new TunnelError(
      refused ? 'E_TUNNEL_NOT_XENFERRY' : 'E_TUNNEL_HANDSHAKE',
      refused ? `what answers at ${this.target} is not xenferry` : `the TLS handshake with ${this.target} failed`,
      {
        cause: error,
        hint: 'Check that `xenferry serve` listens on that port, and with a certificate.',
        data: { target: this.target, address: socket.remoteAddress ?? null },
      },
    );
  }

  /** The one gate: no link without a certificate that our authority signed and that is for this host. */
  #verified(socket: TLSSocket): PeerIdentity {
    const whose = `the certificate of ${this.target}`;
    const certificate = peerCertificate(socket);
    if (certificate === undefined) throw certificateMissing(this.target);
    if (!socket.authorized) throw certificateError(verdictOf(socket), whose, certificate);
    const peer = identityOf(certificate, this.target);
    if (peer === undefined) throw certificateNameless(whose, certificate);
    const { host, expectedHost, expectedFingerprint } = this.#options;
    if (expectedFingerprint === undefined) {
      const named = expectedHost ?? host;
      const mismatch = checkServerIdentity(named, certificate);
      if (mismatch !== undefined) throw certificateError(WRONG_HOST, whose, certificate, named);
    } else if (certificate.fingerprint256 !== expectedFingerprint) {
      throw certificateError(WRONG_HOST, whose, certificate, expectedFingerprint);
    }
    if (socket.alpnProtocol !== ALPN) {
      throw new TunnelError('E_TUNNEL_NOT_XENFERRY', `what answers at ${this.target} is not xenferry`, {
        hint: 'Check the port: another TLS server listens there.',
      });
    }
    return peer;
  }
}
