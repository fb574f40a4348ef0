import type { Duplex } from 'node:stream';
import type { BaseAgent, Client, ClientChannel } from 'ssh2';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { TunnelError, XenferryError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { hostPort } from '../tls-names.js';
import type { PeerIdentity } from '../peer-identity.js';
import { ChannelStream, type RemoteExit } from './channel-stream.js';
import { KeyFiles, type AskPassphrase } from './key-files.js';
import { KeyRing } from './key-ring.js';
import { login, type Login, type LoginOptions } from './ssh-login.js';
import { nameOfTarget, type SshTarget } from './ssh-target.js';
import { connectTcp } from './tcp-connect.js';

/** The far sshd has only to make a channel; a jump host also dials. */
const CHANNEL_MS = 20_000;

export interface SshConnectOptions extends LoginOptions {
  /** Asks the person for a passphrase; where absent, encrypted keys are not used. */
  readonly askPassphrase?: AskPassphrase;
  /** Key files already read, for a caller that connects more than once; then `askPassphrase` is theirs. */
  readonly keyFiles?: KeyFiles;
  /** An agent in place of the target's agent socket. */
  readonly agent?: BaseAgent;
}

/**
 * A logged-in ssh connection, its host key checked. Owns the connection below, and those of the jump
 * hosts: `destroy` closes them all, and every channel with them.
 */
export class SshConnection {
  readonly peer: PeerIdentity;
  readonly #client: Client;
  readonly #transport: Duplex;
  readonly #below: SshConnection | undefined;
  readonly #streams = new Set<ChannelStream>();
  #failure: Error | undefined;

  private constructor(target: SshTarget, transport: Duplex, below: SshConnection | undefined, done: Login) {
    this.peer = {
      transport: 'ssh',
      name: `${target.user}@${target.host}`,
      fingerprint: done.fingerprint,
      address: hostPort(target.host, target.port),
    };
    this.#client = done.client;
    this.#transport = transport;
    this.#below = below;
    transport.setMaxListeners(0); // each channel may wait for its drain
    this.#client.on('error', (error) => {
      this.#fail(error);
    });
    this.#client.on('close', () => {
      this.#fail(new Error('the connection was closed'));
    });
  }

  /**
   * Connects, through the target's jump hosts, and logs in.
   * Rejects with `E_TUNNEL_UNREACHABLE`, `E_TUNNEL_HANDSHAKE`, `E_TUNNEL_HOSTKEY_*`, `E_TUNNEL_AUTH`,
   * `E_TUNNEL_SSH_CHANNEL` (a jump host did not connect on), or the signal's reason.
   */
  static async open(target: SshTarget, options: SshConnectOptions, signal: AbortSignal): Promise<SshConnection> {
    let below: SshConnection | undefined;
    const keyFiles = options.keyFiles ?? new KeyFiles(options.askPassphrase);
    try {
      for (const hop of [...target.jumps, target]) {
        below = await SshConnection.#hop(hop, below, { ...options, keyFiles }, signal);
      }
    } catch (error) {
      below?.destroy();
      throw error;
    }
    if (below === undefined) throw new TunnelError('E_TUNNEL_CLOSED', 'nowhere to connect to');
    return below;
  }

  static async #hop(
    target: SshTarget,
    below: SshConnection | undefined,
    options: SshConnectOptions & { readonly keyFiles: KeyFiles },
    signal: AbortSignal,
  ): Promise<SshConnection> {
    const agent = options.agent ?? target.agentSocket;
    // Before connecting: the user may be asked for a passphrase, and sshd does not wait for ever.
    const ring = await KeyRing.open(
      {
        ...(agent === undefined ? {} : { agent }),
        paths: target.keyFiles,
        keyFiles: options.keyFiles,
        identitiesOnly: target.identitiesOnly,
      },
      signal,
    );
    const { host, port } = target;
    const transport: Duplex =
      below === undefined
        ? await connectTcp(host, port, nameOfTarget(target), target.connectMs, signal)
        : await below.openTcp(host, port, signal);
    return new SshConnection(target, transport, below, await login(target, transport, ring, options, signal));
  }

  /** What broke the connection, or that it was destroyed; undefined while it lives. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The address that the TCP connection goes to; undefined behind a jump host. */
  get remoteAddress(): string | undefined {
    const transport = this.#transport;
    return 'remoteAddress' in transport && typeof transport.remoteAddress === 'string'
      ? transport.remoteAddress
      : undefined;
  }

  /** Runs a command for the remote shell. The stream is its stdin and stdout; the caller owns it. */
  exec(command: string, onExit: (exit: RemoteExit) => Error | undefined, signal: AbortSignal): Promise<ChannelStream> {
    return this.#open(`run a command at ${this.peer.address}`, onExit, signal, (done) => {
      this.#client.exec(command, done);
    });
  }

  /** A stream to a Unix socket at the far host (OpenSSH's direct-streamlocal). The caller owns it. */
  openStreamLocal(path: string, signal: AbortSignal): Promise<ChannelStream> {
    return this.#open(`connect to ${path} at ${this.peer.address}`, undefined, signal, (done) => {
      this.#client.openssh_forwardOutStreamLocal(path, done);
    });
  }

  /** A TCP connection from the far host (direct-tcpip, RFC 4254, 7.2). The caller owns it. */
  openTcp(host: string, port: number, signal: AbortSignal): Promise<ChannelStream> {
    return this.#open(`connect from ${this.peer.address} to ${hostPort(host, port)}`, undefined, signal, (done) => {
      this.#client.forwardOut('127.0.0.1', 0, host, port, done);
    });
  }

  /** Cuts the connection, its channels and those below it. */
  destroy(error?: Error): void {
    this.#fail(error ?? new TunnelError('E_TUNNEL_CLOSED', `the ssh connection to ${this.peer.address} was closed`));
  }

  async #open(
    purpose: string,
    onExit: ((exit: RemoteExit) => Error | undefined) | undefined,
    signal: AbortSignal,
    start: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<ChannelStream> {
    signal.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    using deadline = new Deadline(signal, CHANNEL_MS, 'E_DEADLINE_SSH_CHANNEL', `cannot ${purpose}`);
    const opening = new Promise<ChannelStream>((resolve, reject) => {
      start((error, channel) => {
        if (error !== undefined) reject(error);
        else resolve(this.#adopt(channel, onExit));
      });
    });
    try {
      return await orAborted(opening, deadline.signal);
    } catch (error) {
      opening.then(
        (stream) => stream.destroy(), // it came too late
        () => undefined,
      );
      signal.throwIfAborted();
      if (error instanceof XenferryError) throw error;
      const broken = this.failure;
      if (broken !== undefined) throw broken;
      throw new TunnelError('E_TUNNEL_SSH_CHANNEL', `cannot ${purpose}`, {
        cause: error,
        hint: 'Look at the log of sshd there: it may forbid commands or forwarding for this user.',
        data: { reason: reasonOf(error) },
      });
    }
  }

  #adopt(channel: ClientChannel, onExit: ((exit: RemoteExit) => Error | undefined) | undefined): ChannelStream {
    const stream = new ChannelStream({
      channel,
      transport: this.#transport,
      ...(onExit === undefined
        ? {}
        : // Where the connection broke, that is the reason, and not that the command has no exit status.
          { onExit: (exit) => this.#failure ?? onExit(exit) }),
    });
    this.#streams.add(stream);
    stream.on('error', () => undefined); // its holder listens too; without one an error must not be fatal
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  #fail(cause: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure =
      cause instanceof XenferryError
        ? cause
        : new TunnelError('E_TUNNEL_LOST', `the ssh connection to ${this.peer.address} broke`, {
            cause: asError(cause),
            hint: 'Check the network between the hosts and that the far host is up.',
          });
    for (const stream of [...this.#streams]) stream.fail(this.#failure);
    this.#transport.destroy();
    this.#below?.destroy(this.#failure);
  }
}

/** The code of SSH_MSG_CHANNEL_OPEN_FAILURE (RFC 4254, 5.1), where that is what it was. */
function reasonOf(error: unknown): number | null {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number' ? error.reason : null;
}
