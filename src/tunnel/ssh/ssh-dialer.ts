import { orAborted } from '../../errors/deadline.js';
import { DeadlineError, TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { FrameLink } from '../frame-link.js';
import { LANE_KEEPALIVE, type KeepaliveOptions } from '../keepalive.js';
import type { FramedLink } from '../lane-link.js';
import type { Dialer, Link } from '../link.js';
import { KeyFiles } from './key-files.js';
import { RemoteReceiver } from './remote-receiver.js';
import { SshConnection, type SshConnectOptions } from './ssh-connection.js';
import { nameOfTarget, type SshTarget } from './ssh-target.js';
import { TlsLanes, type TlsLanesOptions } from './tls-lanes.js';

export interface SshDialerOptions extends SshConnectOptions {
  /** The program at the far host, as text for its shell; `xenferry` where absent. */
  readonly remoteCommand?: string;
  /** Its arguments; `receive` where absent. Links after the first add `--attach SOCKET` where they must. */
  readonly remoteArgs?: readonly string[];
  /** Unix socket of a daemon at the far host, which is tried before the program is started. */
  readonly door?: string;
  /** If given, links after the first are separate TLS connections (ssh+tls), if the network allows them. */
  readonly tls?: TlsLanesOptions;
  /** What the user should know: how the configuration was read, that TLS was blocked. Called at once or later. */
  readonly onNotice?: (notice: string) => void;
  readonly startMs?: number;
  /** Of its links; absent: as usual. */
  readonly keepalive?: KeepaliveOptions | undefined;
}

/**
 * Dials a host over ssh; no daemon is needed there. The first `dial` logs in, and asks at the door
 * of a daemon or starts `xenferry receive`, whose standard streams are the link; every further one reaches that same process, as a
 * second channel of the same connection, or by TLS. When the process has ended, the next `dial` starts
 * another one.
 */
export class SshDialer implements Dialer {
  readonly target: string;
  readonly #target: SshTarget;
  readonly #options: SshDialerOptions;
  readonly #tls: TlsLanes | undefined;
  readonly #closing = new AbortController();
  #connection: SshConnection | undefined;
  #receiver: RemoteReceiver | undefined;
  #starting: Promise<RemoteReceiver> | undefined;
  #relogin: Promise<void> | undefined;

  constructor(target: SshTarget, options: SshDialerOptions = {}) {
    this.#target = target;
    this.#options = { ...options, keyFiles: options.keyFiles ?? new KeyFiles(options.askPassphrase) };
    this.target = nameOfTarget(target);
    this.#tls = options.tls === undefined ? undefined : new TlsLanes(options.tls);
    for (const hop of [...target.jumps, target]) for (const notice of hop.notices) options.onNotice?.(notice);
  }

  /** `ssh+tls`, or `ssh` if it was requested or TLS is blocked. */
  get transport(): string {
    return this.#tls?.usable === true ? 'ssh+tls' : 'ssh';
  }

  /**
   * The next link. Rejects with the errors of `SshConnection.open` and `RemoteReceiver.start`, or the
   * signal's reason.
   */
  async dial(signal: AbortSignal): Promise<Link> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    both.throwIfAborted();
    if (this.#receiver?.alive === true) return this.#further(this.#receiver, both);
    if (this.#starting !== undefined) return this.#further(await orAborted(this.#starting, both), both);
    const starting = this.#start(both);
    this.#starting = starting;
    try {
      this.#receiver = await starting;
      return this.#receiver.firstLink();
    } finally {
      this.#starting = undefined;
    }
  }

  /**
   * Past ssh by TLS where that is how the lanes went, or over ssh: in a new login where the old connection is
   * gone. The far process waits for that as long as its migration does.
   */
  async dialAgain(signal: AbortSignal): Promise<Link> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    both.throwIfAborted();
    const receiver = this.#receiver;
    if (receiver === undefined) throw new TunnelError('E_TUNNEL_CLOSED', `${this.target} was never reached`);
    const { tls } = receiver.greeting;
    if (tls !== undefined && this.#tls?.proven === true) return this.#tls.dialer(tls, this.#target.host).dial(both);
    if (this.#connection?.failure !== undefined) await orAborted(this.#loginAgain(receiver), both);
    return receiver.furtherLink(both);
  }

  get keepalive(): KeepaliveOptions | undefined {
    return this.#options.keepalive;
  }

  async dialLane(signal: AbortSignal, again: boolean): Promise<FramedLink> {
    const both = AbortSignal.any([signal, this.#closing.signal]);
    both.throwIfAborted();
    const far = this.#receiver?.greeting.tls;
    const tls = this.#tls;
    if (far !== undefined && tls !== undefined && (again ? tls.proven : this.#receiver?.alive === true)) {
      if (again) return tls.dialer(far, this.#target.host).dialLane(both);
      const address = this.#connection?.remoteAddress;
      const lane = await tls.dial(far, address, both, this.#options.onNotice, (dialer) => dialer.dialLane(both));
      if (lane !== undefined) return lane;
    }
    return new FrameLink(await (again ? this.dialAgain(signal) : this.dial(signal)), this.keepalive ?? LANE_KEEPALIVE);
  }

  /** One login, however many links wait for it, and whether or not they still do when it is done. */
  #loginAgain(receiver: RemoteReceiver): Promise<void> {
    this.#relogin ??= SshConnection.open(this.#target, this.#options, this.#closing.signal)
      .then((connection) => {
        this.#connection = connection;
        receiver.moveTo(connection);
        if (this.#closing.signal.aborted) connection.destroy(asError(this.#closing.signal.reason));
      })
      .finally(() => {
        this.#relogin = undefined;
      });
    return this.#relogin;
  }

  /** Closes the ssh connection and with it every link that is one of its channels. */
  [Symbol.asyncDispose](): Promise<void> {
    const closed = new TunnelError('E_TUNNEL_CLOSED', `the ssh connection to ${this.target} was closed`);
    this.#closing.abort(closed);
    this.#connection?.destroy(closed);
    return Promise.resolve();
  }

  async #start(signal: AbortSignal): Promise<RemoteReceiver> {
    const greeting = await this.#tls?.prepare();
    signal.throwIfAborted();
    const receiverOptions = {
      remoteCommand: this.#options.remoteCommand ?? 'xenferry',
      remoteArgs: this.#options.remoteArgs ?? ['receive'],
      dial: greeting === undefined ? {} : { tls: greeting },
      ...(this.#options.startMs === undefined ? {} : { startMs: this.#options.startMs }),
      ...(this.#options.door === undefined ? {} : { door: this.#options.door }),
    };
    const reused = this.#connection?.failure === undefined ? this.#connection : undefined;
    if (reused !== undefined) {
      try {
        return await RemoteReceiver.start(reused, receiverOptions, signal);
      } catch (error) {
        signal.throwIfAborted();
        // A connection that died silently looks alive until it is used: then a new one is worth a try.
        if (reused.failure === undefined && !(error instanceof DeadlineError)) throw error;
        reused.destroy(asError(error));
      }
    }
    const connection = await SshConnection.open(this.#target, this.#options, signal);
    try {
      const receiver = await RemoteReceiver.start(connection, receiverOptions, signal);
      signal.throwIfAborted(); // closed while the last step was on its way here
      this.#connection = connection;
      return receiver;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async #further(receiver: RemoteReceiver, signal: AbortSignal): Promise<Link> {
    const { tls } = receiver.greeting;
    const link =
      tls === undefined
        ? undefined
        : await this.#tls?.dial(tls, this.#connection?.remoteAddress, signal, this.#options.onNotice, (dialer) =>
            dialer.dial(signal),
          );
    return link ?? receiver.furtherLink(signal);
  }
}
