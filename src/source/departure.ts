import { InvariantError } from '../errors/errors.js';
import { asError, messageOf } from '../errors/message-of.js';
import type { SourceMachine } from '../handover/machines.js';
import {
  SOURCE_FINAL,
  type RecordedState,
  type SourceAct,
  type SourceEvent,
  type SourceState,
  type SourceStep,
} from '../handover/source-side.js';
import type { Journal, JournalFile } from '../journal/journal.js';
import { JOURNAL_VERSION } from '../journal/records.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import { SourceCopy } from './copy.js';
import { DepartureTally } from './departure-tally.js';
import type { OpenLanes } from './destination.js';
import {
  DestinationSession,
  type SessionContext,
  type SessionPlan,
  type SessionSubject,
} from './destination-session.js';
import { perform } from './perform.js';
import type { DepartureReport, GuestPlace, ProgressEvent } from './report.js';

/** Which domain leaves, and how to name the attempt. */
export interface DepartureSubject extends SessionSubject {
  readonly domid: Domid;
  /** For the journal: the destination's URI. */
  readonly peer: string;
  /** For the journal: what is to be done with the definition here. The departure itself does not do it. */
  readonly undefineSource?: 'always' | 'when-persistent';
}

/** What a fresh departure does; a recovered one only settles. */
export interface DeparturePlan extends SessionPlan {
  readonly live: boolean;
  readonly bandwidthBytesPerSecond?: number | undefined;
}

export interface DepartureContext extends SessionContext {
  readonly toolstack: Toolstack;
  readonly journal: Journal;
  /** The state machine. */
  readonly machine: SourceMachine;
  /**
   * The guest is about to run on here, since the migration has failed for good. A rejection leaves it suspended.
   * @returns a problem that does not prevent that
   */
  readonly beforeResume?: (uuid: string, migration: string) => Promise<string | undefined>;
  readonly onProgress: (event: ProgressEvent) => void;
}

/** Carries out the acts of the source's machine; decides nothing. One use. */
export class Departure {
  #state: SourceState;
  #file: JournalFile | undefined;
  #lanes: OpenLanes | undefined;
  readonly #copy: SourceCopy;
  readonly #tally: DepartureTally;
  readonly #session: DestinationSession;

  private constructor(
    private readonly context: DepartureContext,
    private readonly subject: DepartureSubject,
    private readonly plan: DeparturePlan | undefined,
    state: SourceState,
    epoch: number,
  ) {
    this.#state = state;
    this.#tally = new DepartureTally(context);
    this.#session = new DestinationSession(context, subject, this.#tally, epoch);
    this.#copy = new SourceCopy(context.toolstack, subject.domid, subject.uuid, context.deadlines.callMs, async () => {
      const warning = await context.beforeResume?.(subject.uuid, subject.migration);
      if (warning !== undefined) this.#tally.warn(warning);
    });
  }

  /**
   * Moves a domain. Never rejects for a failed migration: the report states the outcome and where the guest is.
   * The caller holds the domain's job.
   */
  static async run(
    context: DepartureContext,
    subject: DepartureSubject,
    plan: DeparturePlan,
  ): Promise<DepartureReport> {
    const epoch = context.journal.highestEpoch(subject.uuid) + 1;
    const departure = new Departure(context, subject, plan, 'preparing', epoch);
    return departure.#settle(() => departure.#prepare(plan));
  }

  /** Settles a departure that an earlier process left, in the state that its journal names. */
  static async recover(
    context: DepartureContext,
    subject: DepartureSubject,
    state: SourceState,
    epoch: number,
  ): Promise<DepartureReport> {
    const departure = new Departure(context, subject, undefined, state, epoch);
    departure.#file = context.journal.resume(subject.migration, 'source');
    return departure.#settle(() => Promise.resolve({ type: 'restarted' }));
  }

  async #settle(first: () => Promise<SourceEvent>): Promise<DepartureReport> {
    try {
      await this.#drive(await first());
      const place = this.#tally.place ?? (await this.#copy.place().catch((): GuestPlace => 'source-running'));
      return this.#tally.report(place);
    } finally {
      this.#file?.[Symbol.dispose]();
      this.#lanes?.destroy();
      await this.#session[Symbol.asyncDispose]();
    }
  }

  async #drive(first: SourceEvent): Promise<void> {
    let event: SourceEvent | undefined = first;
    while (event !== undefined && !SOURCE_FINAL.has(this.#state)) {
      const { state, acts }: SourceStep = this.context.machine.step(this.#state, event);
      this.#state = state;
      event = undefined;
      for (const act of acts) event = (await this.#act(act)) ?? event;
    }
  }

  async #act(act: SourceAct): Promise<SourceEvent | undefined> {
    switch (act.do) {
      case 'record':
        return this.#record(act.state);
      case 'save':
        this.#tally.enter('perform');
        return this.#save();
      case 'send-finish':
        this.#tally.enter('finish');
        return this.#finish();
      case 'ask':
        this.#tally.enter('finish');
        return this.#session.ask();
      case 'send-cancel':
        // Before the journal was begun, the destination has reserved nothing that the end of the connection would not free.
        if (this.#file !== undefined) await this.#session.cancel();
        return undefined;
      case 'send-confirm':
        await this.#session.confirm();
        return undefined;
      case 'destroy':
        this.#tally.enter('confirm');
        return this.#destroy();
      case 'resume':
        return this.#resume();
    }
  }

  #record(state: RecordedState): SourceEvent {
    const { error } = this.#tally;
    try {
      this.#file?.append({ state, at: new Date().toISOString(), ...(error ? { why: messageOf(error) } : {}) });
      return { type: 'recorded', state };
    } catch (failure) {
      const event: SourceEvent = { type: 'record-failed', state };
      // If the state is not entered without its record, this is why the migration fails.
      if (this.context.machine.step(this.#state, event).state === state) this.#tally.warn(messageOf(failure));
      else this.#tally.fail(asError(failure));
      return event;
    }
  }

  async #prepare(plan: DeparturePlan): Promise<SourceEvent> {
    try {
      this.#tally.enter('prepare');
      await this.#session.prepare(plan);
      this.#file = this.context.journal.begin({
        journal: JOURNAL_VERSION,
        side: 'source',
        ...this.subject,
        epoch: this.#session.epoch,
        identity: this.#session.identity,
        startedAt: new Date().toISOString(),
      });
      this.#lanes = await this.#session.openLanes(plan.lanes);
      return { type: 'prepared' };
    } catch (error) {
      const cause = asError(error);
      // With the first lane the destination's restore has started: if that fails, lanes break before the notice arrives.
      return this.#failed(this.#file === undefined ? cause : await this.#session.explained(cause));
    }
  }

  #failed(error: Error): SourceEvent {
    this.#tally.fail(error);
    return { type: this.#tally.cancelled ? 'cancel' : 'failed' };
  }

  async #save(): Promise<SourceEvent> {
    const { context, plan } = this;
    const lanes = this.#lanes;
    if (plan === undefined || lanes === undefined) throw new InvariantError('perform without lanes');
    const stopped = this.#session.stopped;
    try {
      const performed = await perform({
        toolstack: context.toolstack,
        domid: this.subject.domid,
        live: plan.live,
        lanes,
        bandwidthBytesPerSecond: plan.bandwidthBytesPerSecond,
        // A lost connection is not a stall: it has a deadline of its own.
        stallMs: context.deadlines.stallMs + context.deadlines.reconnectMs,
        signal: stopped,
        onEvent: (event) => this.#tally.transfer(event),
        terms: this.#session.terms,
        onBytes: (rawBytes, stages) => this.#tally.bytes(rawBytes, lanes.wireBytes, stages),
      });
      this.#tally.saved(performed);
      // The last moment at which a request to stop still counts.
      stopped.throwIfAborted();
      return { type: 'saved' };
    } catch (error) {
      const event = this.#failed(await this.#session.explained(asError(error)));
      lanes.destroy(asError(error));
      return event;
    }
  }

  async #finish(): Promise<SourceEvent> {
    const { performed } = this.#tally;
    if (performed === undefined || this.plan === undefined) throw new InvariantError('finish without a performed save');
    return await this.#session.finish(performed, this.plan.run);
  }

  async #destroy(): Promise<SourceEvent> {
    try {
      await this.#copy.destroy();
      return { type: 'destroyed' };
    } catch (error) {
      this.#tally.warn(
        `the guest has arrived, but its suspended copy here could not be destroyed: ${messageOf(error)}. Run \`xenferry recover\`.`,
      );
      return { type: 'destroy-failed' };
    }
  }

  async #resume(): Promise<SourceEvent> {
    try {
      this.#tally.place = await this.#copy.resume();
      return { type: 'resumed' };
    } catch (error) {
      this.#tally.place = 'source-suspended';
      this.#tally.warn(`the domain could not be resumed: ${messageOf(error)}`);
      return { type: 'resume-failed' };
    }
  }
}
