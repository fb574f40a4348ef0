import type { Finish, Reply } from '../control/messages.js';
import type { XenferryError } from '../errors/errors.js';
import { asError, messageOf } from '../errors/message-of.js';
import { toWire } from '../errors/wire.js';
import {
  DEST_FINAL,
  type DestAct,
  type DestEvent,
  type DestPhase,
  type DestState,
  type DestStep,
  type Outcome,
} from '../handover/dest-side.js';
import type { ArrivalContext, ArrivalSubject, LeftArrival } from './arrival-context.js';
import { lostError, stoppedError, summaryOf, whyRefused } from './arrival-reasons.js';
import { ArrivalClock } from './arrival-clock.js';
import { ArrivedGuest } from './arrived-guest.js';
import { digestText, receiveGuest, type SentStream } from './receive-guest.js';
import { callWithin } from './toolstack-call.js';

type OutcomeReply = Extract<Reply, { type: 'outcome' }>;

/** Carries out the acts of the destination's machine, one event after the other; decides nothing. One use. */
export class Arrival {
  #state: DestState;
  #run: boolean;
  #error: Error | undefined;
  /** The answer to waiting requests; undefined: none yet. */
  #answered: Outcome | undefined;
  /** Why the journal stays open. */
  #stuck: string | undefined;
  readonly #guest: ArrivedGuest;
  readonly #clock = new ArrivalClock();
  #stream: SentStream | undefined;
  #receiving: Promise<void> = Promise.resolve();
  #queue: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  /** Resolves when the arrival has ended and may be forgotten. */
  readonly settled: Promise<void>;
  #resolveSettled: () => void = () => undefined;

  private constructor(
    private readonly context: ArrivalContext,
    readonly subject: ArrivalSubject,
    left: LeftArrival,
  ) {
    this.#state = context.machine.recall(left.phase);
    this.#run = left.run;
    this.#guest = new ArrivedGuest(context, subject, left.domid);
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
  }

  /** Begins to receive. The journal's `receiving` record is durable already. */
  static start(context: ArrivalContext, subject: ArrivalSubject, stream: SentStream): Arrival {
    const arrival = new Arrival(context, subject, { phase: 'receiving', run: true });
    arrival.#stream = stream;
    arrival.#receiving = arrival.#receive(stream);
    return arrival;
  }

  /** Settles an arrival that an earlier process left, in the state that its journal names. */
  static async recover(context: ArrivalContext, subject: ArrivalSubject, left: LeftArrival): Promise<Arrival> {
    const arrival = new Arrival(context, subject, left);
    if (DEST_FINAL.has(left.phase)) {
      context.file[Symbol.dispose]();
      arrival.#resolveSettled();
    } else {
      await arrival.#tell({ type: 'restarted' });
    }
    return arrival;
  }

  async finish({ run, digest }: Finish): Promise<OutcomeReply> {
    if (this.#state.finish === undefined) this.#run = run;
    await this.#tell({ type: 'finish', digest: digestText(digest) });
    await this.settled;
    return this.outcome();
  }

  async cancel(error: XenferryError): Promise<OutcomeReply> {
    await this.#tell({ type: 'cancel' }, error);
    await this.settled;
    return this.outcome();
  }

  /** The control connection is lost. */
  async lost(cause: Error | undefined): Promise<void> {
    await this.#tell({ type: 'lost' }, lostError(cause));
  }

  /** What is decided so far, as the source is answered. */
  outcome(): OutcomeReply {
    const outcome = this.#answered ?? this.context.machine.outcomeOf(this.#state);
    const persistent = (): boolean => this.context.hooks.isPersistent(this.subject.uuid);
    return {
      type: 'outcome',
      outcome,
      ...(outcome === 'committed'
        ? { running: this.#guest.running, persistent: persistent(), times: this.#clock.times }
        : {}),
      ...(this.#error === undefined ? {} : { error: toWire(this.#error) }),
    };
  }

  async #receive(stream: SentStream): Promise<void> {
    try {
      const { digest, lastByteAt } = await receiveGuest(this.context, this.#guest, stream, this.#stop.signal);
      this.#clock.restored(lastByteAt);
      void this.#tell({ type: 'restored', digest });
    } catch (thrown) {
      const error = asError(thrown);
      stream.lanes.destroy(error);
      this.context.onFailed(this.#error ?? error);
      void this.#tell({ type: 'failed' }, error);
    }
  }

  /** @param why the reason for a refusal, if one follows */
  #tell(event: DestEvent, why?: Error): Promise<void> {
    this.#queue = this.#queue.then(() => this.#drive(event, why));
    return this.#queue;
  }

  async #drive(first: DestEvent, why: Error | undefined): Promise<void> {
    for (let event: DestEvent | undefined = first; event !== undefined;) {
      const { state, acts }: DestStep = this.context.machine.step(this.#state, event);
      this.#state = state;
      event = undefined;
      for (const act of acts) event = (await this.#act(act, why)) ?? event;
    }
  }

  async #act(act: DestAct, why: Error | undefined): Promise<DestEvent | undefined> {
    switch (act.do) {
      case 'record':
        if (act.phase === 'refusing') this.#error ??= why ?? whyRefused(this.#state);
        return this.#record(act.phase);
      case 'claim':
        return this.#claim();
      case 'activate': {
        this.#clock.committed();
        const { event, error } = await this.#guest.activate(this.#run);
        this.#clock.activated();
        this.#error = error;
        if (event === 'vanished') this.#stuck = error?.message;
        return { type: event };
      }
      case 'destroy':
        return this.#destroy();
      case 'answer':
        this.#answered = act.outcome;
        this.#end();
        return undefined;
    }
  }

  #record(phase: DestPhase): DestEvent {
    const { domid } = this.#guest;
    try {
      this.context.file.append({
        state: phase,
        at: new Date().toISOString(),
        run: this.#run,
        ...(domid === undefined ? {} : { domid }),
        ...(this.#error === undefined ? {} : { why: messageOf(this.#error) }),
      });
      return { type: 'recorded', phase };
    } catch (error) {
      this.#error ??= asError(error);
      this.#stuck = `the decision could not be written to the journal: ${messageOf(error)}`;
      return { type: 'record-failed', phase };
    }
  }

  async #claim(): Promise<DestEvent> {
    const { deadlines, hooks } = this.context;
    try {
      await callWithin(deadlines.callMs, 'taking over what the guest holds', (signal) =>
        hooks.claim(this.subject, this.subject.migration, signal),
      );
      return { type: 'claimed' };
    } catch (error) {
      this.#error ??= asError(error);
      return { type: 'claim-failed' };
    }
  }

  async #destroy(): Promise<DestEvent> {
    const why = this.#error ?? stoppedError();
    this.#stop.abort(why);
    this.#stream?.lanes.destroy(why);
    await this.#receiving;
    try {
      await this.#guest.destroy();
    } catch (error) {
      this.#stuck = `the partial domain could not be removed: ${messageOf(error)}`;
      return { type: 'destroy-failed' };
    }
    await this.context.hooks.refused(this.subject, this.#guest.domid);
    return { type: 'destroyed' };
  }

  /** The journal is closed; if it stays open, the next question or start tries again. */
  #end(): void {
    this.context.onSettled(`${this.subject.name}: ${summaryOf(this.#state, this.#error, this.#stuck)}`);
    this.context.file[Symbol.dispose]();
    this.#resolveSettled();
  }
}
