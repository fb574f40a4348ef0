import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SocketChannel, openSocket } from '../../api/internal/sockets.js';
import type { Migrated } from '../../api/migration.js';
import { MigrationError, ProtocolError, TunnelError, XenferryError, messageOf, type Phase } from '../../api/errors.js';
import { printable } from '../../api/internal/text.js';
import { configFile } from '../../api/process/config-file.js';
import type { MigrateOptions, MigrateSession } from '../migrate/options.js';
import { connectUriOf, stateFolderOf, type HostLocation } from '../../api/process/host-location.js';
import { locationOptionsOf, type GlobalOptions } from '../global-options.js';
import { ownVersion } from '../../api/process/version.js';
import { DaemonError } from '../daemon-error.js';
import {
  DAEMON_SOCKET,
  daemonMessageSchema,
  MAX_MESSAGE_BYTES,
  uriText,
  type DaemonMessage,
  type ClientMessage,
  type Visitor,
} from './control-messages.js';

/** Wait for the greeting of a daemon; one that does not send it is not used. */
const HELLO_MS = 5_000;
/** Wait for the check of a login and the opening of a socket. */
const DOOR_MS = 15_000;
/** Wait for the result after the daemon was asked to abandon. */
const LAST_WORD_MS = 30_000;

/** A connection to a daemon, on which it has named itself. */
export type DaemonChannel = SocketChannel<DaemonMessage, ClientMessage>;

export interface ConnectOptions {
  /** How long the daemon may take to report the result after a request to abandon a migration. */
  readonly lastWordMs?: number;
  /** Receives the reason where a daemon runs and cannot be used. */
  readonly onNotice?: (text: string) => void;
}

/**
 * The daemon (`xenferry serve`) of the host that the options mean; undefined where none runs that could do what is asked in place of this
 * process: of this release, for this host. Disposing the client does not stop what it has ordered.
 */
export async function connectToDaemon(
  options: GlobalOptions,
  { lastWordMs = LAST_WORD_MS, onNotice }: ConnectOptions = {},
): Promise<DaemonClient | undefined> {
  const { uri, stateDir } = await locationOf(options);
  const daemon = await greet(join(stateDir, DAEMON_SOCKET));
  if (daemon === undefined) return undefined;
  const own = ownVersion();
  if (daemon.version === own && daemon.uri === uriText(uri)) return new DaemonClient(daemon.channel, lastWordMs);
  daemon.channel.destroy();
  if (daemon.version !== own) {
    onNotice?.(
      `the daemon of this host is xenferry ${daemon.version} and is not used: this is ${own}. Restart \`xenferry serve\` after an update`,
    );
  }
  return undefined;
}

interface Greeted {
  readonly channel: DaemonChannel;
  readonly version: string;
  readonly uri: string;
}

/** A connection to the daemon that listens there, of whichever release; undefined where none does. */
export async function greet(path: string): Promise<Greeted | undefined> {
  const socket = await openSocket(path).catch(() => undefined); // without a daemon, this process does the work
  if (socket === undefined) return undefined;
  const channel: DaemonChannel = new SocketChannel(socket, {
    receives: daemonMessageSchema,
    limitBytes: MAX_MESSAGE_BYTES,
    peer: 'the daemon of this host',
  });
  const hello = await channel.next(HELLO_MS).catch(() => undefined); // what does not greet is no daemon of ours
  if (hello?.say === 'hello') return { channel, version: printable(hello.version), uri: hello.uri };
  channel.destroy();
  return undefined;
}

/** Does not load the configuration parser for a missing file: it is most of the code of a short verb. */
async function locationOf(options: GlobalOptions): Promise<HostLocation> {
  const location = locationOptionsOf(options);
  if (existsSync(configFile(location).file))
    return (await import('../../api/process/local-host.js')).locationOf(location);
  const uri = connectUriOf(location, undefined, (text) => text);
  return { uri, stateDir: stateFolderOf(location, uri) };
}

/** A daemon that accepts one order. */
export class DaemonClient implements Disposable {
  constructor(
    private readonly channel: DaemonChannel,
    private readonly lastWordMs: number,
  ) {}

  /** Opens a unix socket for the ssh connection of this process and returns its path. @throws DaemonError if the login is refused */
  async openRendezvous(visitor: Visitor): Promise<string> {
    this.channel.send({ say: 'receive', ...visitor });
    const said = await this.channel.next(DOOR_MS).catch((error: unknown) => {
      if (error instanceof ProtocolError) throw error;
      return undefined; // late or broken: the same as its end
    });
    if (said?.say === 'door') return said.path;
    if (said?.say === 'failed') throw new DaemonError(said.error, said.exitCode);
    throw new TunnelError('E_TUNNEL_CUT', 'the daemon of this host has ended, or does not answer', {
      hint: 'Check whether `xenferry serve` hangs there, and start the migration again.',
    });
  }

  /**
   * Lets it move a domain. Rejects as `migrate` does. If the daemon ends meanwhile the guest's place is unknown here:
   * `MigrationError` E_DAEMON_LOST, or E_DAEMON_SILENT if it does not respond to an abandon.
   */
  async migrate(options: MigrateOptions, session: MigrateSession, wantsProgress: boolean): Promise<Migrated> {
    const { environment, askPassphrase, cancel, abandon } = session;
    const say = (message: ClientMessage): void => this.channel.send(message);
    say({
      say: 'migrate',
      options: { ...options, ...(options.configFile === undefined ? {} : { configFile: resolve(options.configFile) }) },
      environment,
      wantsProgress,
      canAsk: askPassphrase !== undefined,
    });
    const onCancel = (): void => say({ say: 'cancel', why: messageOf(cancel.reason) });
    let giveUp: NodeJS.Timeout | undefined;
    let silent = false;
    const onAbandon = (): void => {
      say({ say: 'hurry', why: messageOf(abandon.reason) });
      giveUp = setTimeout(() => {
        silent = true;
        this.channel.destroy();
      }, this.lastWordMs);
    };
    if (cancel.aborted) onCancel();
    if (abandon.aborted) onAbandon();
    cancel.addEventListener('abort', onCancel, { once: true });
    abandon.addEventListener('abort', onAbandon, { once: true });
    let phase: Phase = 'begin';
    try {
      for await (const message of this.channel.received()) {
        switch (message.say) {
          case 'hello':
          case 'parsed':
          case 'door':
            break;
          case 'progress':
            if (message.event.type === 'phase') phase = message.event.phase;
            if (wantsProgress) session.onProgress(message.event);
            break;
          case 'notice':
            session.onNotice(message.text);
            break;
          case 'ask':
            say({ say: 'answer', id: message.id, text: await askPassphrase?.(message.file) });
            break;
          case 'done':
            return message.migrated;
          case 'failed': {
            const { error, facts, exitCode } = message;
            if (facts === undefined) throw new DaemonError(error, exitCode);
            throw new MigrationError(error.code, error.message, facts, { hint: error.hint });
          }
        }
      }
    } catch (error) {
      // What the daemon sends and this process cannot read says nothing of the guest.
      if (error instanceof XenferryError && !(error instanceof ProtocolError)) throw error;
      throw lost(options.domain, phase, silent, error);
    } finally {
      clearTimeout(giveUp);
      cancel.removeEventListener('abort', onCancel);
      abandon.removeEventListener('abort', onAbandon);
    }
    throw lost(options.domain, phase, silent);
  }

  [Symbol.dispose](): void {
    this.channel.destroy();
  }
}

function lost(domain: string, phase: Phase, silent: boolean, cause?: unknown): MigrationError {
  const facts = { guest: 'in-doubt', phase, cancelled: false } as const;
  if (silent) {
    return new MigrationError(
      'E_DAEMON_SILENT',
      `the daemon of this host, which is moving ${domain}, does not respond; its journal shows where the guest is`,
      facts,
      {
        cause,
        hint: 'Check whether `xenferry serve` hangs, and look at `xenferry domjobinfo` and `xenferry recover --list`.',
      },
    );
  }
  return new MigrationError(
    'E_DAEMON_LOST',
    `the daemon of this host, which was moving ${domain}, has ended; its journal shows where the guest is`,
    facts,
    {
      cause,
      hint: 'A restarted `serve` settles it by itself; without one, run `xenferry recover`.',
    },
  );
}
