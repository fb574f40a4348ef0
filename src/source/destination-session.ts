import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkedChoice, offerStream, windowBatches, type Compression } from '../codec/agreement.js';
import { DIGEST_KEY_BYTES } from '../codec/digest.js';
import type { Deadlines } from '../control/deadlines.js';
import type { Prepare, Reply } from '../control/messages.js';
import { Deadline } from '../errors/deadline.js';
import { AbortedError, InvariantError, RefusedError, TunnelError, XenferryError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { fromWire, RemoteError, toWire } from '../errors/wire.js';
import type { SourceEvent } from '../handover/source-side.js';
import { askPrepare } from './ask-prepare.js';
import type { DepartureTally } from './departure-tally.js';
import type { Connect, Destination, OpenLanes } from './destination.js';
import type { StreamTerms } from './batch-stream.js';
import type { Performed } from './perform.js';

/** How long a broken lane waits for the destination's own reason. */
const EXPLAIN_MS = 1000;
/** Pause between two questions to a destination that did not answer. */
const ASK_PAUSE_MS = 500;

type OutcomeReply = Extract<Reply, { type: 'outcome' }>;

/** A feature that a destination must have. */
export interface Need {
  readonly feature: string;
  /** What to do where it has not. */
  readonly hint: string;
}

/** What a destination is asked to receive, and over which connections. */
export interface SessionPlan {
  /** Let the guest run once it has arrived. */
  readonly run: boolean;
  readonly lanes: number;
  readonly windowBytes: number;
  readonly compression: Compression;
  /** True: pages are looked for in TypeScript, also where WebAssembly can be had. */
  readonly withoutWasm?: boolean | undefined;
  readonly prepare: Pick<Prepare, 'xml' | 'native' | 'cookie' | 'dname' | 'persist' | 'unsafe' | 'xen'>;
  /** What the destination must be able to do, in addition to a plain migration. */
  readonly needs: readonly Need[];
}

export interface SessionContext {
  readonly deadlines: Deadlines;
  readonly connect: Connect;
  /** Stops the migration if that is still possible. */
  readonly cancel: AbortSignal;
  /** Stops waiting for the destination's answers: an unknown outcome is reported as in doubt. */
  readonly abandon: AbortSignal;
}

/** The migration, as the messages name it. */
export interface SessionSubject {
  readonly migration: string;
  readonly uuid: string;
  readonly name: string;
}

/** What the destination has agreed to. */
interface Agreed {
  readonly destination: Destination;
  readonly token: string;
  readonly windowBytes: number;
}

/** One migration's conversation with its destination, over as many connections as it takes: answers become events. */
export class DestinationSession implements AsyncDisposable {
  #destination: Destination | undefined;
  #agreed: Agreed | undefined;
  #terms: StreamTerms | undefined;
  #askUntil: number | undefined;
  /** Why there is no answer yet. */
  #pendingCause: Error | undefined;
  readonly #stop = new AbortController();

  constructor(
    private readonly context: SessionContext,
    private readonly subject: SessionSubject,
    private readonly tally: DepartureTally,
    private currentEpoch: number,
  ) {}

  /** The attempt's number, as the destination has accepted it. */
  get epoch(): number {
    return this.currentEpoch;
  }

  /** The destination's authenticated identity; undefined before it has agreed. */
  get identity(): string | undefined {
    return this.#agreed?.destination.identity.name;
  }

  /** What was agreed on for the stream; undefined: it goes as it is. */
  get terms(): StreamTerms | undefined {
    return this.#terms;
  }

  /** Fires when the migration is to stop, or the destination has aborted or is lost. */
  get stopped(): AbortSignal {
    return AbortSignal.any([this.context.cancel, this.#stop.signal]);
  }

  get #about(): { migration: string; epoch: number } {
    return { migration: this.subject.migration, epoch: this.currentEpoch };
  }

  async #connect(signal: AbortSignal): Promise<Destination> {
    const { deadlines, connect } = this.context;
    using deadline = new Deadline(signal, deadlines.connectMs, 'E_DEADLINE_CONNECT', 'connecting');
    const destination = await connect(
      {
        reconnectMs: deadlines.reconnectMs,
        onConnection: (state, lane, why) => this.tally.connection(state, lane, why),
        onFailed: (error) => this.#stop.abort(error),
        onLost: (error) => this.#stop.abort(error),
      },
      deadline.signal,
    );
    this.#destination = destination;
    this.tally.transport = destination.transport;
    return destination;
  }

  /**
   * Asks the destination to reserve everything.
   * @throws RefusedError its reasons, or `E_REFUSED_FEATURE`; the error that ended the connection
   */
  async prepare(plan: SessionPlan): Promise<void> {
    const { cancel, deadlines } = this.context;
    const digestKey = randomBytes(DIGEST_KEY_BYTES);
    const destination = await this.#connect(cancel);
    checkFeatures(destination, plan.needs);
    const { lanes, windowBytes, run } = plan;
    const stream = offerStream(plan.compression, digestKey);
    const prepared = await askPrepare(
      destination,
      { ...this.#about, ...plan.prepare, lanes, windowBytes, run, stream },
      this.subject.name,
      { signal: cancel, ms: deadlines.prepareMs },
    );
    this.currentEpoch = prepared.epoch;
    const agreedBytes = Math.min(windowBytes, prepared.windowBytes);
    this.#agreed = { destination, token: prepared.token, windowBytes: agreedBytes };
    if (prepared.stream !== undefined) {
      this.#terms = {
        choice: checkedChoice(prepared.stream, agreedBytes),
        compression: plan.compression,
        digestKey,
        windowBatches: windowBatches(agreedBytes),
        withoutWasm: plan.withoutWasm,
      };
    }
  }

  /** Opens the lanes of a prepared migration. The caller destroys them. @throws the error that prevented it */
  async openLanes(count: number): Promise<OpenLanes> {
    if (this.#agreed === undefined) throw new InvariantError('lanes before prepare');
    const { destination, token, windowBytes } = this.#agreed;
    const ms = this.context.deadlines.connectMs;
    using deadline = new Deadline(this.stopped, ms, 'E_DEADLINE_CONNECT', 'opening lanes');
    const windowFrames = this.#terms?.windowBatches;
    const { signal } = deadline;
    const lanes = await destination.openLanes({ token, count, windowBytes, windowFrames, signal });
    this.tally.opened(lanes);
    return lanes;
  }

  /** A destination that aborts sends its reason on the control link while its lanes break: it is waited for briefly. */
  async explained(error: Error): Promise<Error> {
    if (!(error instanceof TunnelError) || this.context.cancel.aborted) return error;
    await sleep(EXPLAIN_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined); // the reason has arrived
    const reason: unknown = this.#stop.signal.reason;
    return reason instanceof RemoteError ? reason : error;
  }

  /** Asks the destination to decide. */
  async finish({ rawBytes, digest }: Performed, run: boolean): Promise<SourceEvent> {
    if (this.#destination === undefined) throw new InvariantError('finish without a destination');
    const { abandon, deadlines } = this.context;
    try {
      const reply = await this.#destination.requester.request(
        { type: 'finish', ...this.#about, rawBytes, digest, run },
        ['outcome'],
        { signal: abandon, ms: deadlines.finishMs },
      );
      return this.#take(reply);
    } catch (error) {
      // Sent or not, answered or not: from here on only the destination knows. Never resume on this.
      this.#pendingCause = asError(error);
      return { type: 'unanswered' };
    }
  }

  /** Asks until the destination answers, over new connections if the old one is lost. */
  async ask(): Promise<SourceEvent> {
    const { abandon, deadlines } = this.context;
    const { uuid, name } = this.subject;
    this.#askUntil ??= performance.now() + deadlines.askMs;
    while (performance.now() < this.#askUntil && !abandon.aborted) {
      try {
        await this.#destination?.[Symbol.asyncDispose]();
        const destination = await this.#connect(abandon);
        const reply = await destination.requester.request({ type: 'status', ...this.#about, uuid, name }, ['outcome'], {
          signal: abandon,
          ms: deadlines.callMs,
        });
        const event = this.#take(reply);
        if (event.type !== 'unanswered') return event;
      } catch (error) {
        this.#pendingCause = asError(error);
      }
      await sleep(ASK_PAUSE_MS, undefined, { signal: abandon }).catch(() => undefined); // abandoned: the loop ends
    }
    this.tally.place = 'in-doubt';
    this.tally.fail(this.#inDoubt());
    return { type: 'gave-up' };
  }

  #take(reply: OutcomeReply): SourceEvent {
    switch (reply.outcome) {
      case 'committed':
        this.tally.arrived({
          running: reply.running ?? false,
          persistent: reply.persistent ?? false,
          times: reply.times,
        });
        if (reply.error !== undefined) this.tally.warn(reply.error.message);
        return { type: 'committed' };
      case 'aborted':
        this.tally.fail(reply.error === undefined ? this.#gaveUp() : fromWire(reply.error));
        return { type: 'aborted' };
      case 'pending':
        if (reply.error !== undefined) this.#pendingCause = fromWire(reply.error);
        return { type: 'unanswered' };
    }
  }

  /** Notifies the destination that the migration has failed here. Best effort: a lost connection has the same effect. */
  async cancel(): Promise<void> {
    const { abandon, deadlines } = this.context;
    // The guest may be suspended here: it does not wait for a network that is away.
    if (this.#destination === undefined || abandon.aborted || this.#destination.connected === false) return;
    const error = this.tally.error ?? new AbortedError();
    const reply = await this.#destination.requester
      .request({ type: 'cancel', ...this.#about, error: toWire(error) }, ['outcome'], {
        signal: abandon,
        ms: deadlines.callMs,
      })
      .catch(() => undefined); // the lost connection has the same effect at the destination
    // The destination's own reason is more specific than the lane's.
    if (reply?.error !== undefined && error instanceof TunnelError) this.tally.explain(fromWire(reply.error));
  }

  /** Notifies the destination that our copy is gone. Best effort: it only lets the destination forget sooner. */
  async confirm(): Promise<void> {
    const { abandon, deadlines } = this.context;
    await this.#destination?.requester
      .request({ type: 'confirm', ...this.#about }, ['confirmed'], { signal: abandon, ms: deadlines.callMs })
      .catch(() => undefined); // it remembers for longer then
  }

  #gaveUp(): TunnelError {
    const text = 'the destination gave up because the connection was lost';
    return new TunnelError('E_TUNNEL_LOST', text, { cause: this.#pendingCause });
  }

  #inDoubt(): TunnelError {
    const cause = this.#pendingCause;
    const hints = [
      'Run `xenferry recover` when the destination can be reached again; do not resume the domain by hand.',
      cause instanceof XenferryError ? cause.hint : undefined,
    ];
    return new TunnelError(
      'E_TUNNEL_IN_DOUBT',
      'the destination was asked to finish, and has not said what became of it',
      { cause, hint: hints.filter((text) => text !== undefined).join(' ') },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#destination?.[Symbol.asyncDispose]();
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
