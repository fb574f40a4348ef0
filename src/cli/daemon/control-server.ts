import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { socketLines } from '../../host/jobs/line-reader.js';
import { openSocket } from '../../host/jobs/open-socket.js';
import { PrivateSocket } from '../../host/jobs/private-socket.js';
import type { Migrated } from '../../migration/migrate.js';
import { MigrationError } from '../../migration/migration-error.js';
import { AbortedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { toWire } from '../../errors/wire.js';
import type { ProgressEvent } from '../../source/report.js';
import { exitCodeOf } from '../exit.js';
import type { MigrateOptions, MigrateSession } from '../migrate/options.js';
import {
  MAX_MESSAGE_BYTES,
  messageLine,
  type DaemonMessage,
  type ClientMessage,
  type Visitor,
} from './control-messages.js';

/** Clients at once; who comes beyond does it himself. */
const MAX_CLIENTS = 256;
/** A client that gives no order is let go. */
const ORDER_MS = 30_000;
/** What one does not read is not piled up: it misses progress. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** How long a client may take to read its last word when the daemon ends. */
const LAST_WORD_MS = 2_000;
/** Bytes are counted all the time; they are told this often. */
const BYTES_EVERY_MS = 100;

export interface ControlServerOptions {
  readonly version: string;
  readonly uri: string;
  readonly migrate: (options: MigrateOptions, session: MigrateSession) => Promise<Migrated>;
  /** The options of a `migrate` that stand in a command line; undefined where its process is to read them itself. */
  readonly parse: (words: readonly string[]) => Promise<unknown>;
  /** Where somebody who has logged in by ssh comes in: the path of a unix socket. Rejects for whom nobody lets in. */
  readonly openRendezvous: (visitor: Visitor) => Promise<string>;
  readonly log: (line: string) => void;
  /** The daemon is to end without waiting for other hosts' answers. */
  readonly abandon: AbortSignal;
}

/**
 * Where a daemon takes orders from other processes of its host: a unix socket, mode 0600 in a folder of mode 0700. What was ordered goes on
 * when the client has gone.
 */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server;
  #socket: PrivateSocket | undefined;
  readonly #open = new Set<Socket>();
  readonly #work = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  private constructor(private readonly options: ControlServerOptions) {
    this.#server = createServer((socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      socket.on('error', () => socket.destroy());
      const work = this.#serve(socket).catch((error: unknown) => {
        options.log(`a client of this daemon was let go: ${messageOf(error)}`);
        socket.destroy();
      });
      this.#work.add(work);
      void work.then(() => this.#work.delete(work));
    });
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /** Undefined where another daemon of this host has it already. */
  static async open(path: string, options: ControlServerOptions): Promise<ControlServer | undefined> {
    const other = await openSocket(path);
    if (other !== undefined) {
      other.destroy();
      return undefined;
    }
    const controlServer = new ControlServer(options);
    controlServer.#socket = await PrivateSocket.listen(controlServer.#server, path);
    return controlServer;
  }

  async #serve(socket: Socket): Promise<void> {
    const { version, uri } = this.options;
    const say = (word: DaemonMessage): void => {
      if (socket.writable) socket.write(messageLine(word));
    };
    say({ say: 'hello', version, uri });
    socket.setTimeout(ORDER_MS, () => socket.destroy());
    const lines = socketLines(socket, MAX_MESSAGE_BYTES);
    const first = await lines.next();
    if (first.done === true) return;
    const order = JSON.parse(first.value) as ClientMessage;
    if (order.say === 'parse') {
      socket.end(messageLine({ say: 'parsed', options: await this.options.parse(order.words) }));
      return;
    }
    if (order.say === 'receive') {
      await this.#openRendezvous(order, say);
      socket.end();
      return;
    }
    if (order.say !== 'migrate') throw new Error(`an order was expected, got ${order.say}`);
    socket.setTimeout(0);
    const cancel = new AbortController();
    const abandon = new AbortController();
    const answers = new Map<number, (text: string | undefined) => void>();
    void hear(lines, { cancel, abandon, answers });
    let asked = 0;
    const session: MigrateSession = {
      environment: order.environment,
      askPassphrase: order.canAsk
        ? (file) =>
            new Promise((resolve) => {
              if (socket.readableEnded || socket.destroyed) {
                resolve(undefined); // nobody is there any more
                return;
              }
              asked += 1;
              answers.set(asked, resolve);
              say({ say: 'ask', id: asked, file });
            })
        : undefined,
      cancel: AbortSignal.any([cancel.signal, this.#closing.signal]),
      abandon: AbortSignal.any([abandon.signal, this.options.abandon]),
      onNotice: (text) => say({ say: 'notice', text }),
      onProgress: teller(socket, say, order.wantsProgress),
    };
    const { domain, desturi } = order.options;
    try {
      const migrated = await this.options.migrate(order.options, session);
      this.options.log(`${domain}: moved to ${desturi}`);
      say({ say: 'done', migrated });
    } catch (error) {
      this.options.log(`${domain}: not moved to ${desturi}: ${messageOf(error)}`);
      const facts =
        error instanceof MigrationError
          ? { guest: error.guest, phase: error.phase, cancelled: error.cancelled }
          : undefined;
      say({
        say: 'failed',
        error: toWire(error),
        exitCode: exitCodeOf(error),
        ...(facts === undefined ? {} : { facts }),
      });
    }
    socket.end(); // one that stands still reads it when it goes on
  }

  async #openRendezvous(visitor: Visitor, say: (word: DaemonMessage) => void): Promise<void> {
    try {
      say({ say: 'door', path: await this.options.openRendezvous(visitor) });
    } catch (error) {
      this.options.log(`${visitor.login.user}, by ssh from ${visitor.peer.address}: ${messageOf(error)}`);
      say({ say: 'failed', error: toWire(error), exitCode: exitCodeOf(error) });
    }
  }

  /** Stops what was ordered, as Ctrl-C would, and waits until all of it is settled and told. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    this.#closing.abort(new AbortedError('stopped, since the daemon of this host ends'));
    for (const socket of this.#open) if (socket.timeout !== 0) socket.destroy(); // has given no order
    await Promise.all(this.#work);
    await Promise.all([...this.#open].map(letGo));
  }
}

/** Closes a connection once its client has what was said, or does not take it. */
async function letGo(socket: Socket): Promise<void> {
  const enough = setTimeout(() => socket.destroy(), LAST_WORD_MS);
  if (!socket.writableFinished && !socket.closed) {
    await Promise.race([once(socket, 'finish'), once(socket, 'close')]).catch(() => undefined); // it broke: gone as well
  }
  clearTimeout(enough);
  socket.destroy();
}

interface Heard {
  readonly cancel: AbortController;
  readonly abandon: AbortController;
  readonly answers: Map<number, (text: string | undefined) => void>;
}

/** Hears the client until it has gone, which is no wish to stop. Never rejects. */
async function hear(lines: AsyncGenerator<string, void, undefined>, heard: Heard): Promise<void> {
  try {
    for await (const line of lines) {
      const word = JSON.parse(line) as ClientMessage;
      if (word.say === 'cancel') heard.cancel.abort(new AbortedError(word.why));
      else if (word.say === 'hurry') heard.abandon.abort(new AbortedError(word.why));
      else if (word.say === 'answer') heard.answers.get(word.id)?.(word.text);
    }
  } catch {
    // The connection broke: the same as its end.
  } finally {
    for (const answer of heard.answers.values()) answer(undefined); // nobody is there any more
  }
}

/** @param all false: phases only */
function teller(socket: Socket, say: (word: DaemonMessage) => void, all: boolean): (event: ProgressEvent) => void {
  let toldAt = 0;
  return (event) => {
    if (!all && event.type !== 'phase') return;
    if (event.type === 'bytes') {
      const now = performance.now();
      if (now - toldAt < BYTES_EVERY_MS) return;
      toldAt = now;
    }
    if (socket.writableLength < MAX_UNREAD_BYTES) say({ say: 'progress', event });
  };
}
