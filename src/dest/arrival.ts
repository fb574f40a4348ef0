import type { EncodedChunks } from '../codec/stream-decoder.js';
import type { Deadlines } from '../control/deadlines.js';
import type { Finish, Reply } from '../control/messages.js';
import { Deadline } from '../errors/deadline.js';
import { AbortedError, StreamError, ToolstackError, TunnelError, type XenferryError } from '../errors/errors.js';
import { asError, codeOf, messageOf } from '../errors/message-of.js';
import { toWire } from '../errors/wire.js';
import { ownCommand } from '../errors/shell-words.js';
import {
  DEST_FINAL,
  outcomeOf,
  stepDest,
  type DestAct,
  type DestEvent,
  type DestPhase,
  type DestState,
} from '../handover/dest-side.js';
import type { JournalFile } from '../journal/journal.js';
import type { Domid } from '../toolstack/domid.js';
import type { DomainInfo, GuestConfig, Toolstack, TransferEvent } from '../toolstack/toolstack.js';
import { INCOMING_SUFFIX } from './preflight.js';
import { receive, type ReceiveRequest } from './receive.js';
import type { Welcome } from './welcome.js';

type StreamTerms = NonNullable<ReceiveRequest['terms']>;
type OutcomeReply = Extract<Reply, { type: 'outcome' }>;

/** The arriving domain, as the journal and the messages name it. */
export interface ArrivalSubject {
  readonly migration: string;
  readonly epoch: number;
  readonly uuid: string;
  /** The name it will have here. */
  readonly name: string;
}

export interface ArrivalContext {
  readonly toolstack: Toolstack;
  readonly deadlines: Deadlines;
  readonly welcome: Welcome;
  /** How long the lanes may be without a connection, in ms. */
  readonly reconnectMs: number;
  readonly file: JournalFile;
  /** Tells the source that we gave up before it has asked. */
  readonly onFailed: (error: Error) => void;
  readonly onEvent: (event: TransferEvent) => void;
  readonly onBytes?: (rawBytes: number) => void;
  /** For the log: what the arrival came to. */
  readonly onSettled: (summary: string) => void;
}

/** The stream of one migration, put in order again. */
export interface InboundLanes {
  /** Resolves when the first lane has been opened; never rejects. */
  readonly opened: Promise<void>;
  readonly chunks: EncodedChunks;
  destroy(error: Error): void;
}

function isCommit(act: DestAct): boolean {
  return act.do === 'record' && act.phase === 'arriving';
}

/** Attempts at removing a copy that must not stay. */
const DESTROY_TRIES = 3;

/** The same at letting a guest run that is ours: each costs it time, but so does being left paused. */
const UNPAUSE_TRIES = 3;

/** The arriving side at work: drives `handover/dest-side` and carries out its acts. One use. */
export class Arrival {
  #state: DestState;
  #domid: Domid | undefined;
  #run = true;
  #running = false;
  #error: Error | undefined;
  /** It was here after the commit: what becomes of it then is the guest's own story. */
  #seen = false;
  /** Committed here, and gone since: nobody but a person can say what is right. */
  #vanished = false;
  /** A commit that failed to be written may be on the disk all the same. */
  #commitMayBeTorn = false;
  /** True once a restart, too, would find that we cannot commit; only then is `aborted` said. */
  #abortIsSure = false;
  #lanes: InboundLanes | undefined;
  #receiving: Promise<void> = Promise.resolve();
  #queue: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  readonly #settled: Promise<void>;
  #resolveSettled: () => void = () => undefined;

  private constructor(
    private readonly context: ArrivalContext,
    readonly subject: ArrivalSubject,
    phase: DestPhase,
  ) {
    this.#state = { phase };
    this.#settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
  }

  /** Begins to receive. The journal's `receiving` record is durable already. */
  static start(
    context: ArrivalContext,
    subject: ArrivalSubject,
    config: GuestConfig,
    streamVersion: number,
    lanes: InboundLanes,
    terms?: StreamTerms,
  ): Arrival {
    const arrival = new Arrival(context, subject, 'receiving');
    arrival.#lanes = lanes;
    arrival.#receiving = arrival.#receive(config, streamVersion, lanes, terms);
    return arrival;
  }

  /** Settles an arrival that an earlier process left behind, in the state that its journal names. */
  static async recover(
    context: ArrivalContext,
    subject: ArrivalSubject,
    left: { readonly phase: DestPhase; readonly domid?: Domid | undefined; readonly run: boolean },
  ): Promise<Arrival> {
    const arrival = new Arrival(context, subject, left.phase);
    arrival.#run = left.run;
    arrival.#domid = left.domid;
    if (DEST_FINAL.has(left.phase)) {
      arrival.#abortIsSure = left.phase === 'refused';
      context.file[Symbol.dispose]();
      arrival.#resolveSettled();
    } else {
      await arrival.#tell({ type: 'restarted' });
    }
    return arrival;
  }

  get phase(): DestPhase {
    return this.#state.phase;
  }

  /** Resolves when the arrival has settled and may be forgotten. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  async finish(request: Finish): Promise<OutcomeReply> {
    this.#run = request.run;
    await this.#tell({ type: 'finish', digest: digestText(request.digest) });
    await this.#settled;
    return this.outcome();
  }

  async cancel(error: XenferryError): Promise<OutcomeReply> {
    this.#error ??= error;
    await this.#tell({ type: 'cancel' });
    await this.#settled;
    return this.outcome();
  }

  /** The control connection is gone. */
  async lost(error: Error): Promise<void> {
    if (this.#state.finish === undefined) this.#error ??= error;
    await this.#tell({ type: 'lost' });
  }

  /** What is decided so far, as the source is told it. */
  outcome(): OutcomeReply {
    const outcome = outcomeOf(this.#state.phase);
    const unsure =
      (outcome === 'aborted' && !this.#abortIsSure) ||
      (outcome === 'committed' && this.#commitMayBeTorn) ||
      this.#vanished;
    const said = unsure ? 'pending' : outcome;
    return {
      type: 'outcome',
      outcome: said,
      ...(said === 'committed'
        ? { running: this.#running, persistent: this.context.welcome.isPersistent(this.subject.uuid) }
        : {}),
      ...(this.#error === undefined ? {} : { error: toWire(this.#error) }),
    };
  }

  async #receive(
    config: GuestConfig,
    streamVersion: number,
    lanes: InboundLanes,
    terms: StreamTerms | undefined,
  ): Promise<void> {
    const { toolstack, deadlines } = this.context;
    try {
      const received = await receive({
        toolstack,
        config: { ...config, domain: { ...config.domain, name: config.domain.name + INCOMING_SUFFIX } },
        streamVersion,
        opened: lanes.opened,
        chunks: lanes.chunks,
        terms,
        // A lost connection is no stall: it has a time of its own.
        stallMs: deadlines.stallMs + this.context.reconnectMs,
        restoreMs: deadlines.restoreMs,
        signal: this.#stop.signal,
        onEvent: this.context.onEvent,
        onBytes: this.context.onBytes,
      });
      this.#domid = received.domid;
      // The copy is paused and named for what it is; its id goes to the journal before it can be mistaken.
      this.context.file.append({ state: 'receiving', at: new Date().toISOString(), domid: received.domid });
      await this.#call('renaming the arrived domain', (signal) =>
        toolstack.rename(received.domid, config.domain.name, signal),
      );
      await this.#call('what this host does for guests that come in', async (signal) => {
        const info = await toolstack.info(received.domid, signal);
        if (info !== undefined) await this.context.welcome.restored(config.domain, info, signal);
      });
      void this.#tell({ type: 'restored', digest: digestText(received.digest) });
    } catch (error) {
      this.#error ??= asError(error);
      lanes.destroy(asError(error));
      this.context.onFailed(this.#error);
      void this.#tell({ type: 'failed' });
    }
  }

  /** Events are taken one after the other, each with all its acts. */
  #tell(event: DestEvent): Promise<void> {
    this.#queue = this.#queue.then(() => this.#drive(event));
    return this.#queue;
  }

  async #drive(first: DestEvent): Promise<void> {
    let event: DestEvent | undefined = first;
    while (event !== undefined) {
      const step = stepDest(this.#state, event);
      event = undefined;
      this.#explain(step.state);
      if (step.acts.length === 0) this.#state = step.state;
      for (const act of step.acts) {
        if (this.#state.phase === 'receiving' && isCommit(act) && !(await this.#claim())) {
          event = { type: 'failed' };
          break;
        }
        if (act.do === 'record' && !this.#record(act.phase)) {
          if (act.phase === 'arriving' && this.#state.phase === 'receiving') event = { type: 'failed' };
          else this.#giveUp('the decision could not be written to the journal');
          break;
        }
        this.#state = step.state;
        event = (await this.#act(act)) ?? event;
      }
    }
  }

  #explain(next: DestState): void {
    if (next.phase !== 'refusing' || next.restored === undefined || next.finish === undefined) return;
    this.#error ??= new StreamError(
      'E_STREAM_DIGEST',
      `the stream arrived changed: its digest is ${next.restored} here and ${next.finish} at the source`,
      { hint: 'Nothing was lost: try again, and report this if it happens twice.' },
    );
  }

  /** False where something that only one side may hold is not to be had: then nothing is decided, and the source keeps the guest. */
  async #claim(): Promise<boolean> {
    try {
      await this.#call('taking over what the guest holds', (signal) =>
        this.context.welcome.claim(this.subject, this.subject.migration, signal),
      );
      return true;
    } catch (error) {
      this.#error ??= asError(error);
      return false;
    }
  }

  /** False where the acts behind the record must not begin because it did not reach the disk. */
  #record(phase: DestPhase): boolean {
    try {
      this.context.file.append({
        state: phase,
        at: new Date().toISOString(),
        run: this.#run,
        ...(this.#domid === undefined ? {} : { domid: this.#domid }),
        ...(this.#error === undefined ? {} : { why: messageOf(this.#error) }),
      });
      if (phase === 'refusing') this.#abortIsSure = true;
      this.#commitMayBeTorn = false;
      return true;
    } catch (error) {
      this.#error ??= asError(error);
      if (phase === 'arriving') this.#commitMayBeTorn = true;
      // Without a record of the refusal a restart finds `receiving`, and refuses as well; but not
      // where a torn commit may lie before it: then our copy stays until the refusal can be written.
      return phase !== 'arriving' && !(phase === 'refusing' && this.#commitMayBeTorn);
    }
  }

  async #act(act: DestAct): Promise<DestEvent | undefined> {
    switch (act.do) {
      case 'record':
        return undefined;
      case 'unpause':
        return (await this.#unpause()) ? { type: 'running' } : undefined;
      case 'destroy':
        return (await this.#destroy()) ? { type: 'destroyed' } : undefined;
      case 'answer':
        this.#settle();
        return undefined;
    }
  }

  /** Nothing more can be done now; the journal stays open, and the next question or start tries again. */
  #giveUp(why: string): void {
    this.context.onSettled(`${this.subject.name}: ${why}`);
    this.context.file[Symbol.dispose]();
    this.#resolveSettled();
  }

  #settle(): void {
    const outcome = outcomeOf(this.#state.phase);
    const detail = this.#error === undefined ? '' : `: ${messageOf(this.#error)}`;
    this.context.onSettled(`${this.subject.name}: ${outcome === 'committed' ? 'arrived' : 'refused'}${detail}`);
    this.context.file[Symbol.dispose]();
    this.#resolveSettled();
  }

  #call<T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new Deadline(
      new AbortController().signal,
      this.context.deadlines.callMs,
      'E_DEADLINE_TOOLSTACK',
      what,
    );
    return work(deadline.signal).finally(() => deadline[Symbol.dispose]());
  }

  /** The commit is behind us: whatever fails here, the guest is ours, and the source is told how it is. */
  async #unpause(): Promise<boolean> {
    this.#error = undefined;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#letRun();
      } catch (error) {
        if (tries < UNPAUSE_TRIES) continue;
        // A call that was not heard of again may have done its work all the same: look before saying so.
        const info = await this.#find().catch(() => undefined); // then what failed first is the story
        this.#running = info?.state === 'running';
        if (this.#running) return true;
        this.#error = new ToolstackError(
          'E_TOOLSTACK_UNPAUSE',
          `the guest has arrived but does not run: ${messageOf(error)}`,
          { cause: error, hint: this.#hintFor(error) },
        );
        return true;
      }
    }
  }

  #hintFor(error: unknown): string {
    const { name } = this.subject;
    return codeOf(error) === 'E_TOOLSTACK_GONE'
      ? `It has ended there: \`${ownCommand('logs', name)}\` at the destination may say why.`
      : `Run \`${ownCommand('resume', name)}\` at the destination.`;
  }

  /** False where the guest is nowhere any more. */
  async #letRun(): Promise<boolean> {
    const info = await this.#find();
    if (info === undefined && this.#seen) throw new ToolstackError('E_TOOLSTACK_GONE', 'it is gone again');
    if (info === undefined) {
      // The host went down between the commit and now. The guest may have run here, so the source must
      // not go on from its old memory by itself, nor throw that away: this one is for a person.
      this.#vanished = true;
      this.#error = new ToolstackError(
        'E_TOOLSTACK_GONE',
        'the guest had arrived here, but this host has lost it since',
        {
          hint: 'Look at the disks; then resume the suspended copy at the source by hand, or destroy it and start the guest anew.',
        },
      );
      this.#giveUp(this.#error.message);
      return false;
    }
    this.#seen = true;
    await this.context.welcome.committed(this.subject);
    if (info.state === 'paused' && this.#run) {
      await this.#call('letting the guest run', (signal) => this.context.toolstack.unpause(info.domid, signal));
      this.#running = true;
    } else {
      this.#running = info.state === 'running';
    }
    this.context.welcome.arrived(info, this.#running);
    return true;
  }

  /** Our copy, by the id that the journal has, or by its UUID where the process died before it knew the id. */
  async #find(): Promise<DomainInfo | undefined> {
    return this.#call('looking for the arriving domain', async (signal) => {
      const { toolstack } = this.context;
      const info =
        this.#domid === undefined
          ? await toolstack.lookup(this.subject.uuid, signal)
          : await toolstack.info(this.#domid, signal);
      return info?.uuid === this.subject.uuid ? info : undefined;
    });
  }

  /** True when no copy of ours is left. */
  async #destroy(): Promise<boolean> {
    this.#error ??= new AbortedError('the destination was stopped before the guest had arrived');
    this.#stop.abort(this.#error);
    this.#lanes?.destroy(this.#error);
    await this.#receiving;
    for (let tries = 1; ; tries += 1) {
      try {
        const info = await this.#find();
        if (info !== undefined) {
          // Only a copy that never ran, under the name we gave it or with the id we recorded, is ours to end.
          if (info.state !== 'paused' || (this.#domid === undefined && !info.name.endsWith(INCOMING_SUFFIX))) {
            throw new ToolstackError(
              'E_TOOLSTACK_STATE',
              `${info.name} (id ${info.domid}) is ${info.state}: not the copy that was arriving`,
            );
          }
          await this.#call('removing the partial domain', (signal) =>
            this.context.toolstack.destroy(info.domid, signal),
          );
        }
        this.#abortIsSure = true;
        await this.context.welcome.refused(this.subject, this.#domid);
        return true;
      } catch (error) {
        if (tries < DESTROY_TRIES) continue;
        this.#giveUp(`the partial domain could not be removed: ${messageOf(error)}`);
        return false;
      }
    }
  }

  /** What the connection's end means for the source's wish. */
  static lostError(cause: Error | undefined): TunnelError {
    return new TunnelError('E_TUNNEL_LOST', 'the connection to the source was lost before the guest had arrived', {
      cause,
    });
  }
}

/** Two digests are the same only where they were taken in the same way. */
function digestText(digest: Finish['digest']): string {
  return `${digest.algorithm}:${digest.hex}`;
}
