import { randomBytes, timingSafeEqual } from 'node:crypto';
import { chooseStream } from '../codec/agreement.js';
import type { Deadlines } from '../control/deadlines.js';
import type { Prepare, Reply, Request } from '../control/messages.js';
import { Deadline } from '../errors/deadline.js';
import { AbortedError, ProtocolError, RefusedError, XenferryError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { fromWire } from '../errors/wire.js';
import type { Domain } from '../domain/model.js';
import type { Journal } from '../journal/journal.js';
import { JOURNAL_VERSION } from '../journal/records.js';
import type { Toolstack, TransferEvent } from '../toolstack/toolstack.js';
import { refusalFor, refusalOf } from './admission.js';
import type { DestMachine } from '../handover/machines.js';
import { Arrival } from './arrival.js';
import type { ArrivalSubject } from './arrival-context.js';
import { ArrivalHistory } from './arrival-history.js';
import type { ArrivalHooks, PrepareOptions } from './arrival-hooks.js';
import { lostError } from './arrival-reasons.js';
import { notYours, relationOf, takenOver, type Comer } from './begun-by.js';
import { FailedAttempts } from './failed-attempts.js';
import { Guard } from './guard.js';
import type { InboundLanes } from './receive-guest.js';
import type { Reservation, Reserve } from './reservation.js';
import { readSentGuest } from './sent-guest.js';
import type { SourceConnection } from './source-connection.js';

/** Raw bytes that may be on the way unacknowledged; bounds the memory of both sides. */
export const MAX_WINDOW_BYTES = 64 * 1024 * 1024;

const XML_ALONE =
  "it runs as the host's migrate hook has it: what only the toolstack's configuration at the source said is left out";

/** Most lanes that a migration may request. */
export interface LaneSet<Lane> extends InboundLanes {
  attach(lane: Lane, index: number): void;
  /** Bytes received over the wire; absent: unknown. */
  readonly wireBytes?: number;
}

export interface ArrivalsContext<Lane> {
  readonly toolstack: Toolstack;
  readonly journal: Journal;
  readonly deadlines: Deadlines;
  readonly reserve: Reserve;
  readonly hooks: ArrivalHooks;
  readonly machine: DestMachine;
  /** @param reconnectMs how long the lanes outlive the loss of all their connections; 0: one that is lost ends them */
  readonly makeLanes: (count: number, windowBytes: number, reconnectMs: number) => LaneSet<Lane>;
  /** Absent: the default. */
  readonly limits?: ArrivalLimits | undefined;
  /** Absent: the default. */
  readonly failedAttempts?: FailedAttempts | undefined;
  /** Free memory of this host's own system for processes, in KiB; absent: not checked. */
  readonly spareKiB?: () => number | undefined;
  readonly onEvent: (migration: string, event: TransferEvent) => void;
  readonly log: (line: string) => void;
}

/** How many migrations may arrive at once, in all and of one peer. Each may be a process and a window. */
export interface ArrivalLimits {
  readonly all: number;
  readonly ofPeer: number;
}

export const DEFAULT_ARRIVAL_LIMITS: ArrivalLimits = { all: 8, ofPeer: 4 };

/**
 * What an arriving guest takes of this host's own memory in addition to its window: the process that restores it, and the
 * batches that others may refer to.
 */
const AGENT_KIB = 128 * 1024;

interface Live<Lane> {
  readonly arrival: Arrival;
  /** Lanes that it was prepared for. */
  readonly laneCount: number;
  /** Reservation of this host's own memory until its first lane arrives: from then on the memory is in use. */
  agentKiB: number;
  readonly token: Buffer;
  readonly lanes: LaneSet<Lane>;
  readonly connection: SourceConnection;
  readonly reservation: Reservation;
  readonly promisedKiB: number;
}

/** A `prepare` that is being checked. */
interface Preparing {
  readonly connection: SourceConnection;
  /** Aborts it: its connection is lost, or this process ends. */
  readonly stop: AbortController;
  /** Noted before it is looked for, so that two prepares at once are not promised the same. */
  promisedKiB: number;
  /** Reservation of this host's own memory. */
  readonly agentKiB: number;
  readonly over: Promise<unknown>;
}

/** All migrations that arrive in this process: answers the source's requests and feeds lanes to their migration. */
export class Arrivals<Lane> {
  readonly #live = new Map<string, Live<Lane>>();
  /** By migration, in the order of their arrival. */
  readonly #preparing = new Map<string, Preparing>();
  readonly #history: ArrivalHistory;
  readonly #failed: FailedAttempts;
  #closed: XenferryError | undefined;

  constructor(private readonly context: ArrivalsContext<Lane>) {
    this.#history = new ArrivalHistory(context);
    this.#failed = context.failedAttempts ?? new FailedAttempts();
  }

  /** How many are under way. */
  get count(): number {
    return this.#live.size;
  }

  async answer(request: Request, from: SourceConnection): Promise<Reply> {
    const live = this.#live.get(request.migration);
    if (live !== undefined) this.#checkRight(live, request, from);
    switch (request.type) {
      case 'prepare':
        return this.#prepareOnce(request, from);
      case 'finish':
        if (live === undefined) return this.#history.recordedOutcome(request.migration, from);
        live.reservation.refuseAbort('the source has asked to let the guest run here: that is being decided');
        this.context.log(`${live.arrival.subject.name}: the source has sent everything and asks to finish`);
        return live.arrival.finish(request);
      case 'cancel':
        if (live === undefined) return this.#history.recordedOutcome(request.migration, from);
        return live.arrival.cancel(fromWire(request.error));
      case 'status':
        if (live === undefined) return this.#history.status(request, from);
        // A source asks in a new conversation only after abandoning the old one.
        if (live.connection !== from) live.connection.supersede?.();
        return live.arrival.outcome();
      case 'confirm':
        this.#history.confirmed(request.migration, from);
        return { type: 'confirmed' };
    }
  }

  /** Whether a connection has begun something that is not over. */
  isBusy(from: SourceConnection): boolean {
    return [...this.#live.values(), ...this.#preparing.values()].some(({ connection }) => connection === from);
  }

  /** Gives a lane to the migration whose token it shows. */
  attach(token: string, index: number, lane: Lane, by: Comer): void {
    const shown = Buffer.from(token, 'hex');
    for (const live of this.#live.values()) {
      const { connection } = live;
      // The very key that began it: another certificate of the same name is another's until it has recovered the migration.
      if (connection.peer !== by.peer || connection.key !== by.key) continue;
      if (live.token.length !== shown.length || !timingSafeEqual(live.token, shown)) continue;
      if (index >= live.laneCount) {
        throw new ProtocolError('E_PROTOCOL_LANE', `lane ${index} of a migration that prepared ${live.laneCount}`);
      }
      live.lanes.attach(lane, index);
      live.agentKiB = 0;
      return;
    }
    throw new ProtocolError('E_PROTOCOL_TOKEN', 'no migration waits for this lane', {
      hint: 'The migration may have ended; start it again.',
    });
  }

  /** The control connection has ended: its unfinished requests are aborted. */
  async lost(from: SourceConnection, cause: Error | undefined): Promise<void> {
    await this.#giveUpPreparing(lostError(cause), from);
    const mine = [...this.#live.values()].filter((live) => live.connection === from);
    await Promise.all(mine.map((live) => live.arrival.lost(cause)));
  }

  /** Resolves when none is under way any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#live.values()].map((live) => live.arrival.settled));
  }

  /** Gives up everything that is not decided, and waits for the rest. */
  async close(reason: XenferryError): Promise<void> {
    this.#closed = reason;
    await this.#giveUpPreparing(reason);
    await Promise.all([...this.#live.values()].map((live) => live.arrival.cancel(reason)));
  }

  #checkRight(live: Live<Lane>, request: Request, from: SourceConnection): void {
    const relation = relationOf(live.connection, from);
    // A source that has lost its key may ask, which ends the older conversation; it continues nothing else.
    if (relation === 'other' || (relation === 'by name' && request.type !== 'status')) {
      throw notYours(`migration ${request.migration}`, live.connection);
    }
    if (relation === 'by name') this.context.log(takenOver(request.migration, live.connection, from));
    if (live.arrival.subject.epoch !== request.epoch) {
      throw new ProtocolError(
        'E_PROTOCOL_EPOCH',
        `migration ${request.migration} is in epoch ${live.arrival.subject.epoch}, not ${request.epoch}`,
      );
    }
  }

  /** What is not prepared yet ends before it has begun; of one connection, or all. */
  async #giveUpPreparing(reason: XenferryError, from?: SourceConnection): Promise<void> {
    const mine = [...this.#preparing.values()].filter((one) => from === undefined || one.connection === from);
    for (const { stop } of mine) stop.abort(reason);
    await Promise.all(mine.map(({ over }) => over));
  }

  /** A second one of the same migration is refused, also while the first is still being checked. */
  #prepareOnce(request: Prepare, from: SourceConnection): Promise<Reply> {
    if (this.#closed !== undefined) return Promise.resolve(refusalOf(this.#closed));
    const { migration } = request;
    const isLive = this.#live.has(migration) || this.#preparing.has(migration);
    const known = isLive || this.context.journal.read(migration, 'dest') !== undefined;
    if (this.context.machine.admission({ known, epoch: request.epoch, highestEpoch: 0 }) === 'repeated') {
      const repeated = new ProtocolError('E_PROTOCOL_REPEATED', `migration ${migration} was prepared already`);
      return Promise.resolve(refusalOf(repeated));
    }
    const agentKiB = AGENT_KIB + Math.ceil(Math.min(request.windowBytes, MAX_WINDOW_BYTES) / 1024);
    const problem = this.#failed.problem(from.peer) ?? this.#roomProblem(from, agentKiB);
    if (problem !== undefined) return Promise.resolve(refusalOf(problem));
    const stop = new AbortController();
    let resolveOver: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      resolveOver = resolve;
    });
    const preparing: Preparing = { connection: from, stop, promisedKiB: 0, agentKiB, over };
    this.#preparing.set(migration, preparing);
    return this.#prepare(request, from, preparing).finally(() => {
      this.#preparing.delete(migration);
      if (!this.#live.has(migration)) this.#failed.note(from.peer);
      resolveOver();
    });
  }

  /** Why no further guest may arrive now. Checked before anything of the request is parsed or made. */
  #roomProblem(from: SourceConnection, agentKiB: number): RefusedError | undefined {
    const { limits = DEFAULT_ARRIVAL_LIMITS, spareKiB } = this.context;
    const all = [...this.#live.values(), ...this.#preparing.values()];
    const ofPeer = all.filter(({ connection }) => connection.peer === from.peer).length;
    if (all.length >= limits.all || ofPeer >= limits.ofPeer) {
      const [count, whose, key] =
        ofPeer >= limits.ofPeer
          ? [ofPeer, ` of ${from.peer}`, 'max_arrivals_of_peer']
          : [all.length, '', 'max_arrivals'];
      return new RefusedError('E_REFUSED_BUSY', `${count} migrations${whose} arrive here already`, {
        hint: `Try again when one of them has ended, or raise ${key} of the destination.`,
        data: { count },
      });
    }
    const spare = spareKiB?.();
    const neededKiB = all.reduce((sum, one) => sum + one.agentKiB, agentKiB);
    if (spare === undefined || spare >= neededKiB) return undefined;
    const mib = (kib: number): string => `${Math.floor(kib / 1024)} MiB`;
    return new RefusedError(
      'E_REFUSED_NO_MEMORY',
      `this host has ${mib(spare)} left for the processes that restore guests, and needs ${mib(neededKiB)}`,
      { hint: 'Give domain 0 of the destination more memory, or send fewer guests at once.' },
    );
  }

  /** Reserves the memory of a guest, and returns the reservations of others: arriving guests, and earlier requests. */
  #promise(before: Preparing, neededKiB: number): number {
    before.promisedKiB = neededKiB;
    const asked = [...this.#preparing.values()];
    const earlier = [...this.#live.values(), ...asked.slice(0, asked.indexOf(before))];
    return earlier.reduce((sum, one) => sum + one.promisedKiB, 0);
  }

  /** Admits the guest, or refuses it with nothing left of the attempt. Rejects if the failure is not a refusal. */
  async #prepare(request: Prepare, from: SourceConnection, preparing: Preparing): Promise<Reply> {
    const { context } = this;
    using deadline = new Deadline(
      preparing.stop.signal,
      context.deadlines.prepareMs,
      'E_DEADLINE_PREPARE',
      'pre-flight',
    );
    const { signal } = deadline;
    await using guard = new Guard();
    try {
      const { streamVersions } = await context.toolstack.host(signal);
      const sent = readSentGuest(request, streamVersions);
      const { domain, definition, reaching, streamVersion } = sent;
      const why = `arriving from ${from.hostname}`;
      const reservation = await context.reserve(domain.uuid, domain.name, why, signal, 'arrival');
      guard.add(() => reservation[Symbol.dispose]());
      const promise = (neededKiB: number): number => this.#promise(preparing, neededKiB);
      const refused = await refusalFor({ request, sent, context, promise, signal });
      if (refused !== undefined) return refused;
      const unsafe = request.unsafe === true;
      const options: PrepareOptions = { definition, unsafe, from: from.hostname, peer: from.peer, reaching };
      const admitted = await context.hooks.prepare(domain, options, signal);
      guard.add(() => context.hooks.refused(domain, undefined));
      // The connection may be lost meanwhile; `lost` and `close` have then been called and will not be called again.
      signal.throwIfAborted();
      const native = admitted.isXmlOnly ? undefined : request.native;
      if (native !== request.native) context.log(`${domain.name}: ${XML_ALONE}`);
      const reply = this.#start(
        { ...request, native },
        from,
        preparing.agentKiB,
        admitted.domain,
        streamVersion,
        reservation,
      );
      guard.keep();
      return reply;
    } catch (error) {
      // A full disk, for example, refuses too: nothing was changed at the source.
      if (codeOf(error) !== 'E_BUG' || signal.aborted) return refusalOf(error);
      throw error;
    }
  }

  #start(
    request: Prepare,
    from: SourceConnection,
    agentKiB: number,
    domain: Domain,
    streamVersion: number,
    reservation: Reservation,
  ): Reply {
    const { context } = this;
    const subject: ArrivalSubject = {
      migration: request.migration,
      epoch: request.epoch,
      uuid: domain.uuid,
      name: domain.name,
    };
    const file = context.journal.begin({
      journal: JOURNAL_VERSION,
      side: 'dest',
      ...subject,
      peer: from.hostname,
      identity: from.peer,
      ...(from.key === undefined ? {} : { key: from.key }),
      startedAt: new Date().toISOString(),
    });
    try {
      file.append({ state: 'receiving', at: new Date().toISOString() });
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
    const windowBytes = Math.min(request.windowBytes, MAX_WINDOW_BYTES);
    const lanes = context.makeLanes(request.lanes, windowBytes, from.reconnectMs ?? 0);
    const choice = chooseStream(request.stream, windowBytes);
    const arrival = Arrival.start(
      {
        toolstack: context.toolstack,
        deadlines: context.deadlines,
        hooks: context.hooks,
        machine: context.machine,
        reconnectMs: from.reconnectMs ?? 0,
        file,
        onFailed: (error) => from.notify(subject.migration, subject.epoch, error),
        onEvent: (event) => {
          reservation.note(event);
          context.onEvent(subject.migration, event);
        },
        onBytes: (rawBytes) => reservation.note({ type: 'bytes', rawBytes, wireBytes: lanes.wireBytes ?? rawBytes }),
        onSettled: context.log,
      },
      subject,
      {
        config: { domain, ...(request.native === undefined ? {} : { native: request.native }) },
        streamVersion,
        lanes,
        terms:
          choice === undefined || request.stream === undefined
            ? undefined
            : { choice, digestKey: Buffer.from(request.stream.digestKey, 'hex'), windowBytes },
      },
    );
    const token = randomBytes(32);
    const promisedKiB = domain.memoryMaxKiB;
    this.#live.set(subject.migration, {
      arrival,
      token,
      lanes,
      laneCount: request.lanes,
      agentKiB,
      connection: from,
      reservation,
      promisedKiB,
    });
    reservation.expect(domain.memoryCurrentKiB * 1024);
    reservation.cancel.addEventListener('abort', () => void arrival.cancel(asAborted(reservation.cancel.reason)));
    void arrival.settled.then(() => {
      this.#live.delete(subject.migration);
      const { outcome, error } = arrival.outcome();
      if (outcome !== 'committed') this.#failed.note(from.peer);
      const failed = reservation.cancel.aborted ? 'cancelled' : 'failed';
      reservation.settle(outcome === 'committed' ? 'completed' : failed, error && fromWire(error));
      reservation[Symbol.dispose]();
    });
    context.log(`${subject.name}: arriving from ${from.hostname} (${from.peer}), migration ${subject.migration}`);
    return {
      type: 'prepared',
      token: token.toString('hex'),
      windowBytes,
      ...(choice === undefined ? {} : { stream: choice }),
    };
  }
}

function asAborted(reason: unknown): XenferryError {
  return reason instanceof XenferryError ? reason : new AbortedError(messageOf(reason));
}
