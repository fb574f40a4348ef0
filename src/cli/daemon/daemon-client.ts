import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { openSocket } from '../../host/jobs/open-socket.js';
import { socketLines } from '../../host/jobs/line-reader.js';
import type { Migrated } from '../../migration/migrate.js';
import { MigrationError } from '../../migration/migration-error.js';
import { TunnelError, XenferryError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Phase } from '../../source/report.js';
import { configFile } from '../config-file.js';
import type { MigrateOptions, MigrateSession } from '../migrate/options.js';
import { connectUriOf, stateFolderOf, type GlobalOptions, type HostLocation } from '../host-location.js';
import { ownVersion } from '../version.js';
import { DaemonError } from '../daemon-error.js';
import {
  DAEMON_SOCKET,
  MAX_MESSAGE_BYTES,
  uriText,
  messageLine,
  type DaemonMessage,
  type ClientMessage,
  type Visitor,
} from './control-messages.js';

/** A daemon says who it is as soon as it comes to it; one that does not is left alone. */
const HELLO_MS = 5_000;
/** To look at a login, and to open a socket. */
const DOOR_MS = 15_000;
/** How long one that was told not to wait any more may take to say what has come of it. */
const LAST_WORD_MS = 30_000;

/**
 * The daemon (`xenferry serve`) of the host that the options mean; undefined where none runs that could do what is asked in our place: of
 * this release, for this host. Whoever gets it disposes it: what it has begun goes on all the same.
 */
export async function connectToDaemon(
  options: GlobalOptions,
  lastWordMs = LAST_WORD_MS,
): Promise<DaemonClient | undefined> {
  const { uri, stateDir } = await locationOf(options);
  const daemon = await greet(join(stateDir, DAEMON_SOCKET));
  if (daemon === undefined) return undefined;
  if (daemon.uri === uriText(uri)) return new DaemonClient(daemon.socket, daemon.lines, lastWordMs);
  daemon.socket.destroy();
  return undefined;
}

interface Greeted {
  readonly socket: Socket;
  /** What it says behind its greeting. */
  readonly lines: AsyncGenerator<string, void, undefined>;
  readonly uri: string;
}

/** A connection to the daemon of this release that listens there; undefined where none does. */
export async function greet(path: string): Promise<Greeted | undefined> {
  const socket = await openSocket(path).catch(() => undefined); // no daemon is no mistake
  if (socket === undefined) return undefined;
  const lines = socketLines(socket, MAX_MESSAGE_BYTES);
  const silent = setTimeout(() => socket.destroy(), HELLO_MS);
  socket.on('error', () => undefined); // its lines end; whoever waits for one hears of it
  const hello = await nextMessage(lines).catch(() => undefined); // whoever that is, it is no daemon of ours
  clearTimeout(silent);
  if (hello?.say === 'hello' && hello.version === ownVersion()) return { socket, lines, uri: hello.uri };
  socket.destroy();
  return undefined;
}

export async function nextMessage(lines: AsyncGenerator<string, void, undefined>): Promise<DaemonMessage | undefined> {
  const next = await lines.next();
  return next.done === true ? undefined : (JSON.parse(next.value) as DaemonMessage);
}

/** Without reading a configuration that is not there: its reader is most of what a short verb would load. */
async function locationOf(options: GlobalOptions): Promise<HostLocation> {
  if (existsSync(configFile(options).file)) return (await import('../open.js')).locationOf(options);
  const uri = connectUriOf(options, undefined, (text) => text);
  return { uri, stateDir: stateFolderOf(options, uri) };
}

/** A daemon that can be given one order. */
export class DaemonClient implements Disposable {
  constructor(
    private readonly socket: Socket,
    private readonly lines: AsyncGenerator<string, void, undefined>,
    private readonly lastWordMs: number,
  ) {}

  /** Where the ssh connection of this process may be handed over: the path of a unix socket. @throws DaemonError where the login is refused */
  async openRendezvous(visitor: Visitor): Promise<string> {
    this.socket.setTimeout(DOOR_MS, () => this.socket.destroy());
    this.#say({ say: 'receive', ...visitor });
    const said = await nextMessage(this.lines);
    if (said?.say === 'door') return said.path;
    if (said?.say === 'failed') throw new DaemonError(said.error, said.exitCode);
    throw new TunnelError('E_TUNNEL_CUT', 'the daemon of this host has ended, or does not answer', {
      hint: 'See whether `xenferry serve` stands still there, and start the migration again.',
    });
  }

  #say(word: ClientMessage): void {
    this.socket.write(messageLine(word));
  }

  /**
   * Lets it move a domain. Rejects as `migrate` does. Where the daemon ends in the middle the guest's place is not known here:
   * `MigrationError` E_DAEMON_LOST, or E_DAEMON_SILENT where it says nothing more though it was told to abandon.
   */
  async migrate(options: MigrateOptions, session: MigrateSession, wantsProgress: boolean): Promise<Migrated> {
    const { environment, askPassphrase, cancel, abandon } = session;
    const say = (word: ClientMessage): void => this.#say(word);
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
        this.socket.destroy();
      }, this.lastWordMs);
    };
    if (cancel.aborted) onCancel();
    if (abandon.aborted) onAbandon();
    cancel.addEventListener('abort', onCancel, { once: true });
    abandon.addEventListener('abort', onAbandon, { once: true });
    let phase: Phase = 'begin';
    try {
      for await (const line of this.lines) {
        const word = JSON.parse(line) as DaemonMessage;
        switch (word.say) {
          case 'hello':
          case 'parsed':
          case 'door':
            break;
          case 'progress':
            if (word.event.type === 'phase') phase = word.event.phase;
            if (wantsProgress) session.onProgress(word.event);
            break;
          case 'notice':
            session.onNotice(word.text);
            break;
          case 'ask':
            say({ say: 'answer', id: word.id, text: await askPassphrase?.(word.file) });
            break;
          case 'done':
            return word.migrated;
          case 'failed': {
            const { error, facts, exitCode } = word;
            if (facts === undefined) throw new DaemonError(error, exitCode);
            throw new MigrationError(error.code, error.message, facts, { hint: error.hint });
          }
        }
      }
    } catch (error) {
      if (error instanceof XenferryError) throw error;
      throw lost(options.domain, phase, silent, error);
    } finally {
      clearTimeout(giveUp);
      cancel.removeEventListener('abort', onCancel);
      abandon.removeEventListener('abort', onAbandon);
    }
    throw lost(options.domain, phase, silent);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

function lost(domain: string, phase: Phase, silent: boolean, cause?: unknown): MigrationError {
  const facts = { guest: 'in-doubt', phase, cancelled: false } as const;
  if (silent) {
    return new MigrationError(
      'E_DAEMON_SILENT',
      `the daemon of this host, which is moving ${domain}, does not answer; where the guest is, its journal says`,
      facts,
      {
        cause,
        hint: 'See whether `xenferry serve` stands still, and look with `xenferry domjobinfo` and `xenferry recover --list`.',
      },
    );
  }
  return new MigrationError(
    'E_DAEMON_LOST',
    `the daemon of this host, which was moving ${domain}, has ended; where the guest is, its journal says`,
    facts,
    {
      cause,
      hint: 'A `serve` that is started again settles it by itself; `xenferry recover` does so where none runs.',
    },
  );
}
