import { createServer, type Server } from 'node:net';
import type { z } from '../../api/internal/schemas-mini.js';
import { SocketChannel, openSocket } from '../../api/internal/sockets.js';
import { PrivateSocket } from '../../api/internal/serving.js';
import type { Migrated } from '../../api/migration.js';
import { MigrationError, AbortedError, ProtocolError, messageOf, type ProgressEvent } from '../../api/errors.js';
import { toWire } from '../../api/internal/wire.js';
import { exitCodeOf } from '../exit.js';
import type { MigrateOptions, MigrateSession } from '../migrate/options.js';
import {
  clientMessageSchema,
  parsedMigrateSchema,
  MAX_MESSAGE_BYTES,
  type DaemonMessage,
  type ClientMessage,
  type Visitor,
} from './control-messages.js';

/** Most clients at once; further ones do the work themselves. */
const MAX_CLIENTS = 256;
/** A client without an order is disconnected after this time. */
const ORDER_MS = 30_000;
/** Most unread output of a client: beyond it the client misses progress. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** Longest time for a client to read the final message when the daemon ends. */
const LAST_WORD_MS = 2_000;
/** Bytes are counted continuously, and reported at this interval. */
const BYTES_EVERY_MS = 100;

type ClientChannel = SocketChannel<ClientMessage, DaemonMessage>;

export interface ControlServerOptions {
  readonly version: string;
  readonly uri: string;
  readonly migrate: (options: MigrateOptions, session: MigrateSession) => Promise<Migrated>;
  /** The options of a `migrate` in a command line; undefined if its process is to parse them itself. */
  readonly parse: (words: readonly string[]) => Promise<unknown>;
  /** Opens a unix socket for an ssh login and returns its path. Rejects if the login is not allowed. */
  readonly openRendezvous: (visitor: Visitor) => Promise<string>;
  readonly log: (line: string) => void;
  /** The daemon is to end without waiting for other hosts' answers. */
  readonly abandon: AbortSignal;
}

/**
 * Receives orders from other processes of the daemon's host: a unix socket, mode 0600 in a folder of mode 0700. An order continues
 * when the client has ended.
 */
export class ControlServer implements AsyncDisposable {
  readonly #server: Server;
  #socket: PrivateSocket | undefined;
  readonly #open = new Set<ClientChannel>();
  /** Those that have given no order yet. */
  readonly #idle = new Set<ClientChannel>();
  readonly #work = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  private constructor(private readonly options: ControlServerOptions) {
    this.#server = createServer((socket) => {
      const channel: ClientChannel = new SocketChannel(socket, {
        receives: clientMessageSchema,
        limitBytes: MAX_MESSAGE_BYTES,
        peer: 'a client of this daemon',
      });
      this.#open.add(channel);
      this.#idle.add(channel);
      socket.on('close', () => this.#open.delete(channel));
      const work = this.#serve(channel)
        .catch(async (error: unknown) => {
          options.log(`the connection of a client of this daemon was closed: ${messageOf(error)}`);
          channel.send({ say: 'failed', error: toWire(error), exitCode: exitCodeOf(error) });
          channel.end();
          await channel.flush(LAST_WORD_MS);
        })
        .finally(() => this.#idle.delete(channel));
      this.#work.add(work);
      void work.then(() => this.#work.delete(work));
    });
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /** Undefined if another daemon of this host has it already. */
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

  async #serve(channel: ClientChannel): Promise<void> {
    const { version, uri } = this.options;
    channel.send({ say: 'hello', version, uri });
    const order = await channel.next(ORDER_MS);
    this.#idle.delete(channel);
    if (order === undefined) return;
    switch (order.say) {
      case 'parse':
        channel.send({ say: 'parsed', options: await this.#parsed(order.words) });
        channel.end();
        return;
      case 'receive':
        await this.#openRendezvous(order, channel);
        channel.end();
        return;
      case 'migrate':
        await this.#migrate(order, channel);
        channel.end(); // a client that is stopped reads it when it continues
        return;
      default:
        throw new ProtocolError('E_PROTOCOL_MESSAGE', `an order was expected, got ${order.say}`);
    }
  }

  async #parsed(words: readonly string[]): Promise<z.infer<typeof parsedMigrateSchema> | undefined> {
    const options = await this.options.parse(words);
    return options === undefined ? undefined : parsedMigrateSchema.parse(options);
  }

  async #migrate(order: Extract<ClientMessage, { say: 'migrate' }>, channel: ClientChannel): Promise<void> {
    const cancel = new AbortController();
    const abandon = new AbortController();
    const answers = new Map<number, (text: string | undefined) => void>();
    void hear(channel, { cancel, abandon, answers });
    let asked = 0;
    const session: MigrateSession = {
      environment: order.environment,
      askPassphrase: order.canAsk
        ? (file) =>
            new Promise((resolve) => {
              if (channel.isEnded) {
                resolve(undefined); // the client is gone
                return;
              }
              asked += 1;
              answers.set(asked, resolve);
              channel.send({ say: 'ask', id: asked, file });
            })
        : undefined,
      cancel: AbortSignal.any([cancel.signal, this.#closing.signal]),
      abandon: AbortSignal.any([abandon.signal, this.options.abandon]),
      onNotice: (text) => channel.send({ say: 'notice', text }),
      onProgress: progressOf(channel, order.wantsProgress),
    };
    const { domain, desturi } = order.options;
    try {
      const migrated = await this.options.migrate(order.options, session);
      this.options.log(`${domain}: moved to ${desturi}`);
      channel.send({ say: 'done', migrated });
    } catch (error) {
      this.options.log(`${domain}: not moved to ${desturi}: ${messageOf(error)}`);
      const facts =
        error instanceof MigrationError
          ? { guest: error.guest, phase: error.phase, cancelled: error.cancelled }
          : undefined;
      channel.send({
        say: 'failed',
        error: toWire(error),
        exitCode: exitCodeOf(error),
        ...(facts === undefined ? {} : { facts }),
      });
    }
  }

  async #openRendezvous(visitor: Visitor, channel: ClientChannel): Promise<void> {
    try {
      channel.send({ say: 'door', path: await this.options.openRendezvous(visitor) });
    } catch (error) {
      this.options.log(`${visitor.login.user}, by ssh from ${visitor.peer.address}: ${messageOf(error)}`);
      channel.send({ say: 'failed', error: toWire(error), exitCode: exitCodeOf(error) });
    }
  }

  /** Stops the orders, as Ctrl-C would, and waits until all are settled and reported. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    this.#closing.abort(new AbortedError('stopped, since the daemon of this host ends'));
    for (const channel of this.#idle) channel.destroy();
    await Promise.all(this.#work);
    await Promise.all([...this.#open].map((channel) => channel.flush(LAST_WORD_MS)));
  }
}

interface Heard {
  readonly cancel: AbortController;
  readonly abandon: AbortController;
  readonly answers: Map<number, (text: string | undefined) => void>;
}

/** Takes what the client sends until its connection ends, which is no wish to stop. Never rejects. */
async function hear(channel: ClientChannel, heard: Heard): Promise<void> {
  try {
    for await (const message of channel.received()) {
      if (message.say === 'cancel') heard.cancel.abort(new AbortedError(message.why));
      else if (message.say === 'hurry') heard.abandon.abort(new AbortedError(message.why));
      else if (message.say === 'answer') heard.answers.get(message.id)?.(message.text);
    }
  } catch {
    // The connection broke: the same as its end.
  } finally {
    for (const answer of heard.answers.values()) answer(undefined); // no answer can come any more
  }
}

/** @param all false: phases only */
function progressOf(channel: ClientChannel, all: boolean): (event: ProgressEvent) => void {
  let sentAt = 0;
  return (event) => {
    if (!all && event.type !== 'phase') return;
    if (event.type === 'bytes') {
      const now = performance.now();
      if (now - sentAt < BYTES_EVERY_MS) return;
      sentAt = now;
    }
    if (channel.unreadBytes < MAX_UNREAD_BYTES) channel.send({ say: 'progress', event });
  };
}
