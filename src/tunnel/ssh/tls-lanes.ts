import { TunnelError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { KeepaliveOptions } from '../keepalive.js';
import { TlsDialer } from '../tls-dialer.js';
import type { OpenLink } from '../tls-options.js';
import type { ReceiveGreeting } from './ssh-greeting.js';

/** Wait for the first lane before ssh is used instead: a firewall may drop packets silently. */
const CONNECT_MS = 4000;

/** A certificate for one run, signed by an authority whose key is already forgotten. PEM texts. */
export interface OneTimeCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface TlsLanesOptions {
  /** Makes this side's certificate; called once for each start of the far process. */
  readonly makeCredentials: () => Promise<OneTimeCredentials>;
  readonly connectMs?: number;
  /** Opens the lanes; absent: they live in this thread. */
  readonly openLink?: OpenLink | undefined;
  /** Of the lanes; absent: as usual. */
  readonly keepalive?: KeepaliveOptions | undefined;
}

/**
 * The TLS side of ssh+tls. Each side makes an authority that signs one certificate and forgets its
 * key; ssh carries the authorities across. So that only the process that ssh proved can be at the
 * other end of a lane. The first lane finds out whether the network lets it through.
 */
export class TlsLanes {
  readonly #options: TlsLanesOptions;
  #own: OneTimeCredentials | undefined;
  /** The first dial's outcome, for which the others wait. */
  #probe: Promise<unknown> | undefined;
  #blocked = false;
  #proven = false;

  constructor(options: TlsLanesOptions) {
    this.#options = options;
  }

  /** False once TLS was found not to get through. */
  get usable(): boolean {
    return !this.#blocked;
  }

  /** True once a TLS link has been made and none has failed. */
  get proven(): boolean {
    return this.#proven && !this.#blocked;
  }

  /** A new certificate, and its part for the far side. Undefined if TLS is blocked. */
  async prepare(): Promise<{ readonly ca: string } | undefined> {
    if (this.#blocked) return undefined;
    this.#own = await this.#options.makeCredentials();
    this.#probe = undefined;
    return { ca: this.#own.ca };
  }

  /**
   * A TLS link to the far process, or undefined where ssh has to do. Rejects only with the signal's reason.
   * @param host the address that ssh went to; undefined behind a jump host, where TLS is not tried
   * @param how which kind of link is dialled
   */
  async dial<T>(
    far: NonNullable<ReceiveGreeting['tls']>,
    host: string | undefined,
    signal: AbortSignal,
    onNotice: ((notice: string) => void) | undefined,
    how: (dialer: TlsDialer) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#probe === undefined) {
      const first = this.#try(far, host, signal, onNotice, how);
      this.#probe = first;
      return first;
    }
    await this.#probe.catch(() => undefined); // its own caller gets the error
    signal.throwIfAborted();
    return this.#blocked ? undefined : this.#try(far, host, signal, onNotice, how);
  }

  /** Dials the remote process: for the replacement of a lost link, if TLS is known to work. */
  dialer(far: NonNullable<ReceiveGreeting['tls']>, host: string): TlsDialer {
    const own = this.#own;
    if (own === undefined) throw new TunnelError('E_TUNNEL_CREDENTIALS', 'there is no certificate for this run');
    const options = {
      host,
      port: far.port,
      credentials: { ca: far.ca, cert: own.cert, key: own.key },
      expectedFingerprint: far.fingerprint,
      connectMs: this.#options.connectMs ?? CONNECT_MS,
      keepalive: this.#options.keepalive,
    };
    return new TlsDialer(options, this.#options.openLink);
  }

  async #try<T>(
    far: NonNullable<ReceiveGreeting['tls']>,
    host: string | undefined,
    signal: AbortSignal,
    onNotice: ((notice: string) => void) | undefined,
    how: (dialer: TlsDialer) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      if (host === undefined) throw new TunnelError('E_TUNNEL_UNREACHABLE', 'the host is behind a jump host');
      const link = await how(this.dialer(far, host));
      this.#proven = true;
      return link;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#blocked)
        onNotice?.(`data goes through ssh, more slowly: TLS does not get through (${messageOf(error)})`);
      this.#blocked = true;
      return undefined;
    }
  }
}
