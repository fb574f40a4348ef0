import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkedChoice, offerStream, type Compression } from '../codec/agreement.js';
import { DIGEST_KEY_BYTES } from '../codec/digest.js';
import type { Deadlines } from '../control/deadlines.js';
import type { Prepare } from '../control/messages.js';
import { Deadline } from '../errors/deadline.js';
import { AbortedError, InvariantError, RefusedError, TunnelError, XenferryError } from '../errors/errors.js';
import { asError, messageOf } from '../errors/message-of.js';
import { fromWire, RemoteError, toWire } from '../errors/wire.js';
import {
  SOURCE_FINAL,
  stepSource,
  type RecordedState,
  type SourceAct,
  type SourceEvent,
  type SourceState,
} from '../handover/source-side.js';
import type { Journal, JournalFile } from '../journal/journal.js';
import { JOURNAL_VERSION } from '../journal/records.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import { askPrepare } from './ask-prepare.js';
import { SourceCopy } from './copy.js';
import type { Connect, Destination, OpenLanes } from './destination.js';
import { perform, type Performed, type StreamTerms } from './perform.js';
import type { DepartureReport, GuestPlace, Phase, ProgressEvent } from './report.js';

/** How long a broken lane waits for the destination's own word. */
const EXPLAIN_MS = 1000;
/** Pause between two questions to a destination that did not answer. */
const ASK_PAUSE_MS = 500;

/** Which domain leaves, and how to name the attempt. */
export interface DepartureSubject {
  readonly migration: string;
  readonly uuid: string;
  readonly name: string;
  readonly domid: Domid;
  /** For the journal: the destination's URI. */
  readonly peer: string;
  /** For the journal: what becomes of the definition here. The departure itself does not see to it. */
  readonly undefineSource?: 'always' | 'when-persistent';
}

/** A feature that a destination must have. */
export interface Need {
  readonly feature: string;
  /** What to do where it has not. */
  readonly hint: string;
}

/** What a fresh departure does; a recovered one only settles. */
export interface DeparturePlan {
  readonly live: boolean;
  /** Let the guest run once it has arrived. */
  readonly run: boolean;
  readonly lanes: number;
  readonly windowBytes: number;
  readonly bandwidthBytesPerSecond?: number | undefined;
  readonly compression: Compression;
  readonly prepare: Pick<Prepare, 'xml' | 'native' | 'cookie' | 'dname' | 'persist' | 'unsafe'>;
  /** What the destination must be able to do, beside a plain migration. */
  readonly needs: readonly Need[];
}

export interface DepartureContext {
  readonly toolstack: Toolstack;
  readonly journal: Journal;
  readonly deadlines: Deadlines;
  readonly connect: Connect;
  /** Stops the migration where that is still possible. */
  readonly cancel: AbortSignal;
  /**
   * The guest is about to run on here, since the migration has failed for good. A rejection leaves it suspended.
   * @returns what went wrong that does not keep it from that
   */
  readonly beforeResume?: (uuid: string, migration: string) => Promise<string | undefined>;
  /** Stops waiting for the destination's answers: what is not known by then is reported as in doubt. */
  readonly hurry: AbortSignal;
  readonly onProgress: (event: ProgressEvent) => void;
}

/** The leaving side at work: drives `handover/source-side` and carries out its acts. One use. */
export class Departure {
  #state: SourceState;
  #phase: Phase = 'begin';
  #file: JournalFile | undefined;
  #epoch: number;
  #destination: Destination | undefined;
  #lanes: OpenLanes | undefined;
  #terms: StreamTerms | undefined;
  #performed: Performed | undefined;
  #error: Error | undefined;
  #cancelled = false;
  readonly #copy: SourceCopy;
  readonly #warnings: string[] = [];
  readonly #stop = new AbortController();
  readonly #startedAt = performance.now();
  #askUntil: number | undefined;
  #suspendedAt: number | undefined;
  #arrivedAt: number | undefined;
  #runningThere = false;
  #persistentThere = false;
  #place: GuestPlace | undefined;
  #rounds = 0;
  #rawBytes = 0;
  #wireBytes = 0;
  #laneCount = 0;
  #transport = '';
  #reconnects = 0;

  private constructor(
    private readonly context: DepartureContext,
    private readonly subject: DepartureSubject,
    private readonly plan: DeparturePlan | undefined,
    state: SourceState,
    epoch: number,
  ) {
    this.#state = state;
    this.#epoch = epoch;
    this.#copy = new SourceCopy(context.toolstack, subject.domid, subject.uuid, context.deadlines.callMs, async () => {
      const warning = await context.beforeResume?.(subject.uuid, subject.migration);
      if (warning !== undefined) this.#warnings.push(warning);
    });
  }

  /**
   * Moves a domain. Never rejects for what happens on the way: the report says how it ended and where the guest is.
   * The caller holds the domain's job.
   */
  static async run(
    context: DepartureContext,
    subject: DepartureSubject,
    plan: DeparturePlan,
  ): Promise<DepartureReport> {
    const epoch = context.journal.highestEpoch(subject.uuid) + 1;
    const departure = new Departure(context, subject, plan, 'preparing', epoch);
    return departure.#settle(() => departure.#prepare());
  }

  /** Settles a departure that an earlier process left behind, in the state that its journal names. */
  static async recover(
    context: DepartureContext,
    subject: DepartureSubject,
    state: SourceState,
    epoch: number,
  ): Promise<DepartureReport> {
    const departure = new Departure(context, subject, undefined, state, epoch);
    departure.#file = context.journal.resume(subject.migration, 'source');
    return departure.#settle(() => Promise.resolve('restarted'));
  }

  async #settle(first: () => Promise<SourceEvent>): Promise<DepartureReport> {
    try {
      await this.#drive(await first());
      return await this.#report();
    } finally {
      this.#file?.[Symbol.dispose]();
      this.#lanes?.destroy();
      await this.#destination?.[Symbol.asyncDispose]();
    }
  }

  async #drive(first: SourceEvent): Promise<void> {
    let event: SourceEvent | undefined = first;
    while (event !== undefined && !SOURCE_FINAL.has(this.#state)) {
      const step = stepSource(this.#state, event);
      event = undefined;
      for (const act of step.acts) {
        if (act.do === 'record' && !this.#record(act.state)) {
          // What is not on the disk has not happened: in the old state this is a failure like any other.
          event = 'failed';
          break;
        }
        this.#state = step.state;
        event = (await this.#act(act)) ?? event;
      }
    }
  }

  /** False where the state must not be entered because its record did not reach the disk. */
  #record(state: RecordedState): boolean {
    try {
      this.#file?.append({
        state,
        at: new Date().toISOString(),
        ...(this.#error ? { why: messageOf(this.#error) } : {}),
      });
      return true;
    } catch (error) {
      if (state === 'performing' || state === 'deciding') {
        this.#fail(asError(error));
        return false;
      }
      // These states follow from what the destination has recorded: a restart finds them again by asking.
      this.#warnings.push(messageOf(error));
      return true;
    }
  }

  async #act(act: SourceAct): Promise<SourceEvent | undefined> {
    switch (act.do) {
      case 'record':
        return undefined;
      case 'save':
        this.#enter('perform');
        return this.#save();
      case 'send-finish':
        this.#enter('finish');
        return this.#finish();
      case 'ask':
        this.#enter('finish');
        return this.#ask();
      case 'send-cancel':
        await this.#sendCancel();
        return undefined;
      case 'send-confirm':
        await this.#sendConfirm();
        return undefined;
      case 'destroy':
        this.#enter('confirm');
        return this.#destroy();
      case 'resume':
        return this.#resume();
    }
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.context.onProgress({ type: 'phase', phase });
  }

  /** The first error wins: it is what the user sees. */
  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    if (this.context.cancel.aborted && !(error instanceof RefusedError)) {
      this.#cancelled = true;
      this.#error = asError(this.context.cancel.reason);
    } else {
      this.#error = error;
    }
  }

  get #about(): { migration: string; epoch: number } {
    return { migration: this.subject.migration, epoch: this.#epoch };
  }

  async #connect(signal: AbortSignal): Promise<Destination> {
    using deadline = new Deadline(signal, this.context.deadlines.connectMs, 'E_DEADLINE_CONNECT', 'connecting');
    const destination = await this.context.connect(
      {
        reconnectMs: this.context.deadlines.reconnectMs,
        onConnection: (state, lane, why) => {
          if (state === 'back') this.#reconnects += 1;
          this.context.onProgress({
            type: 'connection',
            state,
            ...(lane === undefined ? {} : { lane }),
            ...(why === undefined ? {} : { why: messageOf(why) }),
          });
        },
        onFailed: (error) => this.#stop.abort(error),
        onLost: (error) => this.#stop.abort(error),
      },
      deadline.signal,
    );
    this.#destination = destination;
    this.#transport = destination.transport;
    return destination;
  }

  async #prepare(): Promise<SourceEvent> {
    const { context, plan } = this;
    if (plan === undefined) throw new InvariantError('a recovered departure does not prepare');
    try {
      this.#enter('prepare');
      const digestKey = randomBytes(DIGEST_KEY_BYTES);
      const destination = await this.#connect(context.cancel);
      checkFeatures(destination, plan.needs);
      const prepared = await askPrepare(
        destination,
        {
          ...this.#about,
          ...plan.prepare,
          lanes: plan.lanes,
          windowBytes: plan.windowBytes,
          run: plan.run,
          stream: offerStream(plan.compression, digestKey),
        },
        this.subject.name,
        { signal: context.cancel, ms: context.deadlines.prepareMs },
      );
      this.#epoch = prepared.epoch;
      if (prepared.stream !== undefined) {
        this.#terms = { choice: checkedChoice(prepared.stream), compression: plan.compression, digestKey };
      }
      this.#file = context.journal.begin({
        journal: JOURNAL_VERSION,
        side: 'source',
        ...this.subject,
        epoch: this.#epoch,
        startedAt: new Date().toISOString(),
      });
      using deadline = new Deadline(this.#anyStop, context.deadlines.connectMs, 'E_DEADLINE_CONNECT', 'opening lanes');
      this.#lanes = await destination.openLanes({
        token: prepared.token,
        count: plan.lanes,
        windowBytes: Math.min(plan.windowBytes, prepared.windowBytes),
        signal: deadline.signal,
      });
      this.#laneCount = this.#lanes.count;
      return 'prepared';
    } catch (error) {
      const cause = asError(error);
      // With the first lane the destination's restore has started: where that fails, lanes break before the notice comes.
      this.#fail(this.#file === undefined ? cause : await this.#explained(cause));
      return this.#cancelled ? 'cancel' : 'failed';
    }
  }

  get #anyStop(): AbortSignal {
    return AbortSignal.any([this.context.cancel, this.#stop.signal]);
  }

  async #save(): Promise<SourceEvent> {
    const { context, plan } = this;
    const lanes = this.#lanes;
    if (plan === undefined || lanes === undefined) throw new InvariantError('perform without lanes');
    try {
      this.#performed = await perform({
        toolstack: context.toolstack,
        domid: this.subject.domid,
        live: plan.live,
        lanes,
        bandwidthBytesPerSecond: plan.bandwidthBytesPerSecond,
        // A lost connection is no stall: it has a time of its own.
        stallMs: context.deadlines.stallMs + context.deadlines.reconnectMs,
        signal: this.#anyStop,
        onEvent: (event) => {
          if (event.type === 'round') this.#rounds = Math.max(this.#rounds, event.round + 1);
          if (event.type === 'suspended') this.#suspendedAt ??= performance.now();
          context.onProgress(event);
        },
        terms: this.#terms,
        onBytes: (rawBytes, stages) => {
          this.#rawBytes = rawBytes;
          this.#wireBytes = lanes.wireBytes;
          context.onProgress({ type: 'bytes', rawBytes, wireBytes: this.#wireBytes, stages });
        },
      });
      this.#rawBytes = this.#performed.rawBytes;
      this.#wireBytes = this.#performed.wireBytes;
      // The last moment at which a wish to stop still counts.
      this.#anyStop.throwIfAborted();
      return 'saved';
    } catch (error) {
      this.#fail(await this.#explained(asError(error)));
      lanes.destroy(asError(error));
      return this.#cancelled ? 'cancel' : 'failed';
    }
  }

  /** A destination that gives up says why on the control link while its lanes break: that is worth a moment's wait. */
  async #explained(error: Error): Promise<Error> {
    if (!(error instanceof TunnelError) || this.context.cancel.aborted) return error;
    await sleep(EXPLAIN_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined); // the word has come
    const said: unknown = this.#stop.signal.reason;
    return said instanceof RemoteError ? said : error;
  }

  async #finish(): Promise<SourceEvent> {
    const performed = this.#performed;
    if (performed === undefined || this.plan === undefined || this.#destination === undefined) {
      throw new InvariantError('finish without a performed save');
    }
    try {
      const reply = await this.#destination.requester.request(
        {
          type: 'finish',
          ...this.#about,
          rawBytes: performed.rawBytes,
          digest: performed.digest,
          run: this.plan.run,
        },
        ['outcome'],
        { signal: this.context.hurry, ms: this.context.deadlines.finishMs },
      );
      return this.#take(reply);
    } catch (error) {
      // Sent or not, answered or not: from here on only the destination knows. Never resume on this.
      this.#pendingCause = asError(error);
      return 'unanswered';
    }
  }

  #pendingCause: Error | undefined;

  #take(reply: {
    outcome: 'committed' | 'aborted' | 'pending';
    running?: boolean | undefined;
    persistent?: boolean | undefined;
    error?: Parameters<typeof fromWire>[0] | undefined;
  }): SourceEvent {
    switch (reply.outcome) {
      case 'committed':
        this.#arrivedAt = performance.now();
        this.#runningThere = reply.running ?? false;
        this.#persistentThere = reply.persistent ?? false;
        this.#place = 'destination';
        if (reply.error !== undefined) this.#warnings.push(reply.error.message);
        return 'committed';
      case 'aborted':
        this.#fail(
          reply.error === undefined
            ? new TunnelError('E_TUNNEL_LOST', 'the destination gave up because the connection was lost', {
                cause: this.#pendingCause,
              })
            : fromWire(reply.error),
        );
        return 'aborted';
      case 'pending':
        if (reply.error !== undefined) this.#pendingCause = fromWire(reply.error);
        return 'unanswered';
    }
  }

  /** Asks until the destination says which, over new connections where the old one is gone. Undefined: still in doubt. */
  async #ask(): Promise<SourceEvent | undefined> {
    this.#askUntil ??= performance.now() + this.context.deadlines.askMs;
    while (performance.now() < this.#askUntil && !this.context.hurry.aborted) {
      try {
        await this.#destination?.[Symbol.asyncDispose]();
        const destination = await this.#connect(this.context.hurry);
        const reply = await destination.requester.request(
          { type: 'status', ...this.#about, uuid: this.subject.uuid, name: this.subject.name },
          ['outcome'],
          { signal: this.context.hurry, ms: this.context.deadlines.callMs },
        );
        const event = this.#take(reply);
        if (event !== 'unanswered') return event;
      } catch (error) {
        this.#pendingCause = asError(error);
      }
      await sleep(ASK_PAUSE_MS, undefined, { signal: this.context.hurry }).catch(() => undefined); // hurried: the loop ends
    }
    this.#place = 'in-doubt';
    this.#fail(
      new TunnelError('E_TUNNEL_IN_DOUBT', 'the destination was asked to finish, and has not said what became of it', {
        cause: this.#pendingCause,
        hint: [
          'Run `xenferry recover` when the destination can be reached again; do not resume the domain by hand.',
          this.#pendingCause instanceof XenferryError ? this.#pendingCause.hint : undefined,
        ]
          .filter((text) => text !== undefined)
          .join(' '),
      }),
    );
    return undefined;
  }

  async #sendCancel(): Promise<void> {
    if (this.#destination === undefined || this.context.hurry.aborted || this.#file === undefined) return;
    // The guest may be suspended here: it does not wait for a network that is away.
    if (this.#destination.connected === false) return;
    const error = this.#error ?? new AbortedError();
    const reply = await this.#destination.requester
      .request({ type: 'cancel', ...this.#about, error: toWire(error) }, ['outcome'], {
        signal: this.context.hurry,
        ms: this.context.deadlines.callMs,
      })
      .catch(() => undefined); // the lost connection tells the destination the same
    // The destination's own reason explains a broken lane better than the lane does.
    if (reply?.error !== undefined && error instanceof TunnelError) this.#error = fromWire(reply.error);
  }

  async #sendConfirm(): Promise<void> {
    if (this.#destination === undefined) return;
    await this.#destination.requester
      .request({ type: 'confirm', ...this.#about }, ['confirmed'], {
        signal: this.context.hurry,
        ms: this.context.deadlines.callMs,
      })
      .catch(() => undefined); // only lets the destination forget sooner
  }

  async #destroy(): Promise<SourceEvent | undefined> {
    try {
      await this.#copy.destroy();
      return 'destroyed';
    } catch (error) {
      this.#warnings.push(
        `the guest has arrived, but its suspended copy here could not be destroyed: ${messageOf(error)}. Run \`xenferry recover\`.`,
      );
      return undefined;
    }
  }

  /** Undefined: it could not be done, and the journal stays open. */
  async #resume(): Promise<SourceEvent | undefined> {
    try {
      this.#place = await this.#copy.resume();
      return 'resumed';
    } catch (error) {
      this.#place = 'source-suspended';
      this.#warnings.push(`the domain could not be resumed: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #report(): Promise<DepartureReport> {
    const place = this.#place ?? (await this.#copy.place().catch((): GuestPlace => 'source-running'));
    const downtimeMs =
      this.#suspendedAt !== undefined && this.#arrivedAt !== undefined && this.#runningThere
        ? this.#arrivedAt - this.#suspendedAt
        : undefined;
    return {
      place,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      phase: this.#phase,
      cancelled: this.#cancelled,
      warnings: this.#warnings,
      runningThere: this.#runningThere,
      persistentThere: this.#persistentThere,
      totalMs: performance.now() - this.#startedAt,
      ...(downtimeMs === undefined ? {} : { downtimeMs }),
      rawBytes: this.#rawBytes,
      wireBytes: this.#wireBytes,
      transferMs: this.#performed?.transferMs ?? 0,
      ...(this.#performed === undefined ? {} : { stages: this.#performed.counts }),
      rounds: this.#rounds,
      lanes: this.#laneCount,
      transport: this.#transport,
      reconnects: this.#reconnects,
      ...(this.#performed === undefined
        ? {}
        : { digest: `${this.#performed.digest.algorithm}:${this.#performed.digest.hex}` }),
    };
  }
}

/** @throws RefusedError `E_REFUSED_FEATURE` */
function checkFeatures({ hello }: Destination, needs: readonly Need[]): void {
  const missing = needs.filter(({ feature }) => !hello.features.includes(feature));
  if (missing.length === 0) return;
  const names = missing.map(({ feature }) => feature);
  throw new RefusedError('E_REFUSED_FEATURE', `${hello.hostname} (${hello.software}) lacks ${names.join(', ')}`, {
    hint: missing.map(({ hint }) => hint).join(' '),
    data: { missing: names },
  });
}
