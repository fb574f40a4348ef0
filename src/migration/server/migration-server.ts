import { setMaxListeners } from 'node:events';
import {
  agreeProtocol,
  decodeWith,
  encode,
  openSchema,
  type Hello,
  type Open,
  type Reply,
  type Request,
} from '../../control/messages.js';
import { Responder } from '../../control/responder.js';
import { refusalOf } from '../../dest/admission.js';
import { Arrivals } from '../../dest/arrivals.js';
import type { Comer } from '../../dest/begun-by.js';
import type { SourceConnection } from '../../dest/source-connection.js';
import { Deadline } from '../../errors/deadline.js';
import { AbortedError, RefusedError } from '../../errors/errors.js';
import { asError, messageOf } from '../../errors/message-of.js';
import { toWire } from '../../errors/wire.js';
import { recoverArrival } from '../../dest/recover.js';
import { openArrivals } from '../../journal/open-migrations.js';
import { FrameLink } from '../../tunnel/frame-link.js';
import type { KeepaliveOptions } from '../../tunnel/keepalive.js';
import { LaneReceiver } from '../../tunnel/lane-receiver.js';
import { RefusalLog } from '../../tunnel/refusal-log.js';
import type { FramedLink } from '../../tunnel/lane-link.js';
import type { Link } from '../../tunnel/link.js';
import type { PeerIdentity } from '../../tunnel/peer-identity.js';
import { AccessRules } from '../../host/access/access-rules.js';
import { PeerLimits } from '../../tunnel/peer-limits.js';
import { IdleTimer } from './idle-timer.js';
import { Conversations } from './conversations.js';
import { arrivalsOf } from '../../operations/running/incoming.js';
import type { Host } from '../../host/host.js';

/** Shortest interval of the search for journals of old migrations. */
const PRUNE_EVERY_MS = 3_600_000;

/**
 * Most connections of one peer that have not announced their purpose yet; as many as one peer may have in all at one
 * port.
 */
export const MOST_SILENT_OF_ONE_PEER = 256;

/**
 * A conversation without a request for this time, and without work under way, is ended: a source that needs it begins
 * another.
 */
const IDLE_MS = 600_000;

/** Receives links: sends the hello, dispatches each link by its purpose, and keeps running whatever a peer does. */
export class MigrationServer implements AsyncDisposable {
  readonly #arrivals: Arrivals<FramedLink>;
  readonly #conversations = new Conversations();
  readonly #silent = new PeerLimits({
    what: 'connections that have not announced their purpose',
    perPeer: MOST_SILENT_OF_ONE_PEER,
    hint: 'Its program opens connections and sends nothing over them: restart it.',
  });
  readonly #failures: RefusalLog;
  readonly #open = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #pruned = performance.now();

  constructor(
    private readonly host: Host,
    private readonly hello: Hello,
    private readonly log: (line: string) => void,
    /** Permissions of peers; may be changed during conversations. */
    public allowed = new AccessRules(),
    private readonly keepalive: KeepaliveOptions = {},
    private readonly idleMs = IDLE_MS,
  ) {
    this.#failures = new RefusalLog(log, undefined, { line: '', more: 'more connections failed than are listed' });
    setMaxListeners(0, this.#stop.signal); // each conversation waits with it
    this.#arrivals = new Arrivals<FramedLink>({
      ...arrivalsOf(host),
      makeLanes: (_count, windowBytes, reconnectMs) => {
        const receiver = new LaneReceiver({ windowBytes, reconnectMs });
        return {
          opened: receiver.opened,
          chunks: receiver,
          get wireBytes(): number {
            return receiver.wireBytes;
          },
          attach: (lane, index) => {
            receiver.checkOpen();
            // The answer is sent before anything from the receiver; if that fails, the receiver gets the error.
            lane.answer(encode({ kind: 'lane', index })).catch(() => undefined);
            receiver.attach(lane, index);
          },
          destroy: (error) => receiver.destroy(error),
        };
      },
      onEvent: () => undefined,
      log,
    });
  }

  /** Settles migrations that an earlier process left in the journal; call it once, before the first link. */
  async recover(): Promise<void> {
    for (const entry of openArrivals(this.host.journal.list())) {
      const { uuid, name, migration } = entry.header;
      try {
        using _job = await this.host.jobs.take(uuid, name, 'settling a migration', this.#stop.signal);
        // Another process may have settled it while we waited.
        const now = this.host.journal.read(migration, 'dest');
        if (now === undefined) continue;
        const settled = await recoverArrival({ ...arrivalsOf(this.host), log: this.log }, now);
        this.log(`${name}: unfinished migration ${migration} settled: ${settled.outcome}`);
      } catch (error) {
        this.log(`${name}: unfinished migration ${migration} could not be settled: ${messageOf(error)}`);
      }
    }
    this.#prune();
  }

  #prune(): void {
    this.#pruned = performance.now();
    this.host.pruneJournals();
  }

  /**
   * Takes ownership of a link. Never rejects: an error with one peer is logged and ends that link only. Resolves when
   * the link was passed to the migration of which it is a lane, or when the conversation that began with it has ended.
   */
  accept(link: Link): Promise<void> {
    return this.acceptFramed(new FrameLink(link, this.keepalive));
  }

  /** As `accept`, for a link that carries frames already. */
  acceptFramed(link: FramedLink): Promise<void> {
    const work = this.#serve(link).catch((error: unknown) => {
      this.#failures.note({ address: `${link.peer.name} (${link.peer.address})`, reason: error });
    });
    this.#open.add(work);
    void work.then(() => this.#open.delete(work));
    return work;
  }

  async #serve(link: FramedLink): Promise<void> {
    try {
      const open = await this.#awaitOpen(link);
      switch (open.kind) {
        case 'lane':
          this.#arrivals.attach(open.token, open.index, link, comerOf(link.peer));
          return;
        case 'resume':
          await this.#conversations.resume(open, link);
          return;
        case 'control':
          this.allowed.check('recover', link.peer);
          agreeProtocol(this.hello.protocol, open.hello.protocol, open.hello.hostname);
          await this.#converse(link, open.hello.hostname, open.reconnectMs ?? 0);
      }
    } catch (error) {
      await link.refuse(error);
      link.destroy(asError(error));
      throw error;
    }
  }

  async #awaitOpen(link: FramedLink): Promise<Open> {
    using _place = this.#silent.enter(link.peer.name);
    using deadline = new Deadline(this.#stop.signal, this.host.deadlines.connectMs, 'E_DEADLINE_HELLO', 'the hello');
    return decodeWith(openSchema, await link.awaitOpen(deadline.signal), `hello of ${link.peer.name}`);
  }

  async #converse(link: FramedLink, hostname: string, reconnectMs: number): Promise<void> {
    using conversation = this.#conversations.begin(link, reconnectMs);
    const { channel, session } = conversation;
    const isKnownByName = (): boolean => link.peer.transport === 'tls' && this.allowed.allows('migrate', link.peer);
    await link.answer(encode({ kind: 'control', hello: this.hello, ...(session === undefined ? {} : { session }) }));
    const connection: SourceConnection = {
      ...comerOf(link.peer),
      // Checked at each request: permissions may change.
      get isKnownByName() {
        return isKnownByName();
      },
      hostname,
      reconnectMs,
      supersede: () => channel.destroy(new AbortedError('the source has begun another conversation')),
      notify: (migration, epoch, error) => {
        responder.notify({ type: 'failed', migration, epoch, error: toWire(error) });
      },
    };
    using idle = new IdleTimer(this.idleMs, () => {
      if (this.#arrivals.isBusy(connection)) return false;
      channel.destroy(
        new RefusedError('E_REFUSED_IDLE', `${hostname} has sent no request for ${this.idleMs / 1000} s`),
      );
      return true;
    });
    const responder = new Responder(channel, hostname, (request) =>
      idle.during(() => this.#answer(request, connection, link.peer)),
    );
    let cause: Error | undefined;
    try {
      await responder.serve(this.#stop.signal);
    } catch (error) {
      cause = asError(error);
      throw error;
    } finally {
      await this.#arrivals.lost(connection, cause);
      await channel.close();
      if (performance.now() - this.#pruned > PRUNE_EVERY_MS) this.#prune();
    }
  }

  /** A peer that may only ask about migrations begins none. It may complete those that it began before. */
  async #answer(request: Request, connection: SourceConnection, peer: PeerIdentity): Promise<Reply> {
    if (request.type === 'prepare' && !this.allowed.allows('migrate', peer)) {
      try {
        this.allowed.check('migrate', peer);
      } catch (error) {
        return refusalOf(error);
      }
    }
    return this.#arrivals.answer(request, connection);
  }

  /** Resolves when every accepted link has ended, and its migrations have settled. */
  async drained(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
    await this.#arrivals.settled();
  }

  /** Aborts undecided migrations, waits for the others, and ends every link. */
  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new AbortedError('the destination is shutting down');
    await this.#arrivals.close(reason);
    this.#stop.abort(new RefusedError('E_REFUSED_CLOSING', reason.message));
    await Promise.all(this.#open);
    this.#failures[Symbol.dispose]();
  }
}

/** Two logins of one user with different keys are two peers: the key identifies the peer. */
function comerOf({ name, key }: PeerIdentity): Comer {
  return { peer: name, ...(key === undefined ? {} : { key }) };
}
