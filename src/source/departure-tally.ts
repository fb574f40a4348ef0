import { RefusedError } from '../errors/errors.js';
import { asError, messageOf } from '../errors/message-of.js';
import type { TransferEvent } from '../toolstack/toolstack.js';
import type { OpenLanes } from './destination.js';
import { DowntimeClock, type ArrivalTimes, type Downtime } from './downtime.js';
import type { Performed } from './perform.js';
import type { DepartureReport, GuestPlace, Phase, ProgressEvent, StageCounts } from './report.js';

/** What a departure comes to: what went wrong, what was moved and how long it took. Decides nothing. */
export class DepartureTally {
  place: GuestPlace | undefined;
  transport = '';
  performed: Performed | undefined;
  #phase: Phase = 'begin';
  #error: Error | undefined;
  #cancelled = false;
  readonly #warnings: string[] = [];
  readonly #startedAt = performance.now();
  readonly #downtimeClock = new DowntimeClock();
  #downtime: Downtime | undefined;
  #lanes: OpenLanes | undefined;
  #runningThere = false;
  #persistentThere = false;
  #rounds = 0;
  #rawBytes = 0;
  #wireBytes = 0;
  #reconnects = 0;

  constructor(
    private readonly context: {
      readonly cancel: AbortSignal;
      readonly onProgress: (event: ProgressEvent) => void;
    },
  ) {}

  get error(): Error | undefined {
    return this.#error;
  }

  /** The first thing that went wrong was that the migration was asked to stop. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  enter(phase: Phase): void {
    this.#phase = phase;
    this.context.onProgress({ type: 'phase', phase });
  }

  /** The first error wins: it is what the user sees. */
  fail(error: Error): void {
    if (this.#error !== undefined) return;
    if (this.context.cancel.aborted && !(error instanceof RefusedError)) {
      this.#cancelled = true;
      this.#error = asError(this.context.cancel.reason);
    } else {
      this.#error = error;
    }
  }

  /** A better account of the first thing that went wrong. */
  explain(error: Error): void {
    this.#error = error;
  }

  /** What went wrong without changing where the guest is. */
  warn(text: string): void {
    this.#warnings.push(text);
  }

  opened(lanes: OpenLanes): void {
    this.#lanes = lanes;
  }

  connection(state: 'lost' | 'back', lane: number | undefined, why: Error | undefined): void {
    if (state === 'back') this.#reconnects += 1;
    this.context.onProgress({
      type: 'connection',
      state,
      ...(lane === undefined ? {} : { lane }),
      ...(why === undefined ? {} : { why: messageOf(why) }),
    });
  }

  transfer(event: TransferEvent): void {
    if (event.type === 'round') this.#rounds = Math.max(this.#rounds, event.round + 1);
    if (event.type === 'suspended') this.#downtimeClock.suspended(this.#lanes?.drained?.());
    this.context.onProgress(event);
  }

  bytes(rawBytes: number, wireBytes: number, stages: StageCounts): void {
    this.#rawBytes = rawBytes;
    this.#wireBytes = wireBytes;
    this.context.onProgress({ type: 'bytes', rawBytes, wireBytes, stages });
  }

  saved(performed: Performed): void {
    this.performed = performed;
    this.#downtimeClock.saved();
    this.#rawBytes = performed.rawBytes;
    this.#wireBytes = performed.wireBytes;
  }

  /** The destination has answered that the guest is its own. */
  arrived(there: {
    readonly running: boolean;
    readonly persistent: boolean;
    readonly times?: ArrivalTimes | undefined;
  }): void {
    if (there.running) this.#downtime = this.#downtimeClock.arrived(there.times);
    this.#runningThere = there.running;
    this.#persistentThere = there.persistent;
    this.place = 'destination';
  }

  /** @param place where the guest is */
  report(place: GuestPlace): DepartureReport {
    const { performed } = this;
    return {
      place,
      ...(this.#error === undefined ? {} : { error: this.#error }),
      phase: this.#phase,
      cancelled: this.#cancelled,
      warnings: this.#warnings,
      runningThere: this.#runningThere,
      persistentThere: this.#persistentThere,
      totalMs: performance.now() - this.#startedAt,
      ...(this.#downtime === undefined ? {} : { downtimeMs: this.#downtime.totalMs, downtime: this.#downtime }),
      rawBytes: this.#rawBytes,
      wireBytes: this.#wireBytes,
      transferMs: performed?.transferMs ?? 0,
      ...(performed === undefined ? {} : { stages: performed.counts }),
      rounds: this.#rounds,
      lanes: this.#lanes?.count ?? 0,
      transport: this.transport,
      reconnects: this.#reconnects,
      ...(performed === undefined ? {} : { digest: `${performed.digest.algorithm}:${performed.digest.hex}` }),
    };
  }
}
