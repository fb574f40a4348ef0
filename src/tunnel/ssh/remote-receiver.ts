import { Deadline } from '../../errors/deadline.js';
import { asError } from '../../errors/message-of.js';
import { shellWord } from '../../errors/shell-words.js';
import type { Link } from '../link.js';
import type { ChannelStream } from './channel-stream.js';
import { readMarkedLine } from './marked-line.js';
import { remoteExitError } from './remote-exit.js';
import type { SshConnection } from './ssh-connection.js';
import {
  dialLine,
  MAX_GREETING_BYTES,
  MAX_NOISE_BYTES,
  readReceiveLine,
  RECEIVE_MARK,
  type DialGreeting,
  type ReceiveGreeting,
} from './ssh-greeting.js';

/** Login shell, start of the program, its toolstack, and a one-time certificate. */
const START_MS = 30_000;
/** A running daemon greets at once; without a greeting the program does the work itself. */
const DOOR_MS = 5_000;

export interface RemoteReceiverOptions {
  /** The program, as text for the remote shell: `xenferry`, or for example `sudo -n xenferry`. */
  readonly remoteCommand: string;
  /** Its arguments, each quoted: `receive` and what belongs to it. */
  readonly remoteArgs: readonly string[];
  readonly dial: DialGreeting;
  readonly startMs?: number;
  /** Unix socket of a daemon that may be there, which is tried before the command is started. */
  readonly door?: string;
}

/**
 * One `xenferry receive` at the far host, or the daemon there in its place. Its standard streams are its first link, or a connection
 * to the daemon's socket; further links reach the same process through the Unix socket that it names. It ends when its first link
 * does and no migration waits for a lost connection.
 */
export class RemoteReceiver {
  readonly greeting: ReceiveGreeting;
  #connection: SshConnection;
  readonly #stream: ChannelStream;
  readonly #options: RemoteReceiverOptions;
  /** sshd did not connect to the socket: then a command at the far host does. */
  #attachByCommand = false;

  private constructor(
    connection: SshConnection,
    stream: ChannelStream,
    greeting: ReceiveGreeting,
    options: RemoteReceiverOptions,
  ) {
    this.#connection = connection;
    this.#stream = stream;
    this.greeting = greeting;
    this.#options = options;
  }

  /**
   * Swaps greetings with the daemon there, or else starts the command and swaps them with it.
   * Rejects with `E_TUNNEL_REMOTE_COMMAND` (not installed), `E_TUNNEL_REMOTE_EXIT`, `E_TUNNEL_CUT`,
   * `E_PROTOCOL_GREETING*`, the error of the connection, a `DeadlineError`, or the signal's reason.
   */
  static async start(
    connection: SshConnection,
    options: RemoteReceiverOptions,
    signal: AbortSignal,
  ): Promise<RemoteReceiver> {
    const daemon = await RemoteReceiver.#throughDoor(connection, options, signal);
    if (daemon !== undefined) return daemon;
    const stream = await execQuoted(connection, options, options.remoteArgs, signal);
    using deadline = new Deadline(
      signal,
      options.startMs ?? START_MS,
      'E_DEADLINE_SSH_RECEIVE',
      `the greeting of xenferry on ${connection.peer.address}`,
    );
    return await RemoteReceiver.#greet(connection, stream, options, MAX_NOISE_BYTES, deadline.signal);
  }

  /**
   * Swaps greetings with a daemon at its door. Undefined where none is there, it does not let this login in so (it may know it by its key,
   * which only a command gets), or sshd forwards nothing: the command then reports why. Rejects if the connection broke, or with the signal's reason.
   */
  static async #throughDoor(
    connection: SshConnection,
    options: RemoteReceiverOptions,
    signal: AbortSignal,
  ): Promise<RemoteReceiver | undefined> {
    const { door, startMs = START_MS } = options;
    if (door === undefined) return undefined;
    using deadline = new Deadline(
      signal,
      Math.min(DOOR_MS, startMs),
      'E_DEADLINE_SSH_RECEIVE',
      `the greeting at ${door}`,
    );
    try {
      const stream = await connection.openStreamLocal(door, deadline.signal);
      return await RemoteReceiver.#greet(connection, stream, options, 0, deadline.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (connection.failure !== undefined) throw error;
      return undefined;
    }
  }

  static async #greet(
    connection: SshConnection,
    stream: ChannelStream,
    options: RemoteReceiverOptions,
    noiseBytes: number,
    signal: AbortSignal,
  ): Promise<RemoteReceiver> {
    try {
      stream.write(dialLine(options.dial));
      const limits = { noiseBytes, lineBytes: MAX_GREETING_BYTES };
      const line = await readMarkedLine(stream, RECEIVE_MARK, limits, signal);
      return new RemoteReceiver(connection, stream, readReceiveLine(line.text), options);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Whether further links can still reach it. */
  get alive(): boolean {
    return !this.#stream.destroyed && !this.#stream.readableEnded && this.#connection.failure === undefined;
  }

  /** Its first link: the process's standard streams. Given out once; the holder destroys it. */
  firstLink(): Link {
    return linkOf(this.#connection, this.#stream);
  }

  /** From now on further links go over this connection to the same host: the first one broke. */
  moveTo(connection: SshConnection): void {
    this.#connection = connection;
  }

  /** One more link to the same process, over the same ssh connection. */
  async furtherLink(signal: AbortSignal): Promise<Link> {
    const { socket } = this.greeting;
    if (!this.#attachByCommand) {
      try {
        return linkOf(this.#connection, await this.#connection.openStreamLocal(socket, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (this.#connection.failure !== undefined) throw error;
        // sshd uses one code for "forbidden" and "does not connect": the command will show which.
        this.#attachByCommand = true;
      }
    }
    const args = [...this.#options.remoteArgs, '--attach', socket];
    return linkOf(this.#connection, await execQuoted(this.#connection, this.#options, args, signal));
  }

  destroy(error?: unknown): void {
    this.#stream.destroy(error === undefined ? undefined : asError(error));
  }
}

function execQuoted(
  connection: SshConnection,
  options: RemoteReceiverOptions,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ChannelStream> {
  const command = [options.remoteCommand, ...args.map(shellWord)].join(' ');
  return connection.exec(command, (exit) => remoteExitError(exit, connection.peer.address, command), signal);
}

function linkOf(connection: SshConnection, duplex: ChannelStream): Link {
  return {
    peer: connection.peer,
    duplex,
    destroy: (error) => {
      duplex.destroy(error);
    },
  };
}
