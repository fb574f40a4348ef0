import { AbortedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { ProgressEvent } from '../../source/report.js';
import { JobEndpoint } from './job-endpoint.js';
import { JobFigures, PAGE_BYTES } from './job-figures.js';
import type { JobInfo, JobResult } from './job-messages.js';
import type { JobRecord } from './job-record.js';

/** A finished job, as it is remembered and told. */
export type EndedJob = JobInfo & { readonly uuid: string; readonly type: JobResult };

/** Hears what the toolstack says while the job of a domain goes on. */
export type JobLog = (line: Extract<ProgressEvent, { readonly type: 'log' }>, domain: string) => void;

/** A domain's job, held. Dispose it to end it; the next one begins then. */
export class Job implements Disposable {
  readonly #abort = new AbortController();
  readonly #figures: JobFigures;
  readonly #startedAt = performance.now();
  #endpoint: JobEndpoint | undefined;
  #tooLate: string | undefined;
  #result: JobResult | undefined;
  #error: string | undefined;
  #over = false;

  /** Takes the locks over. */
  constructor(
    readonly record: JobRecord,
    private readonly locks: readonly Disposable[],
    private readonly onEnded: (job: EndedJob) => void,
    private readonly onLog: JobLog,
  ) {
    this.#figures = new JobFigures(() => performance.now());
  }

  /** Lets other processes ask, and ask to stop. Without it only the record tells of the job. */
  async listen(path: string): Promise<void> {
    this.#endpoint = await JobEndpoint.open(path, {
      info: () => ({ type: 'info', info: this.info() }),
      abort: (from) => this.#askToStop(from),
    });
  }

  /** Fires when another process asks to abort the job, with an AbortedError that says who. */
  get cancel(): AbortSignal {
    return this.#abort.signal;
  }

  /** What happens on the way, for the figures. Leaving for the far side's decision ends the time for an abort. */
  readonly note = (event: ProgressEvent): void => {
    this.#figures.note(event);
    if (event.type === 'log') this.onLog(event, this.record.name);
    if (event.type === 'phase' && (event.phase === 'finish' || event.phase === 'confirm')) {
      this.refuseAbort('the destination has been asked to let the guest run: it decides now, and the source follows');
    }
  };

  /** How many bytes there are to do, where the events do not tell. */
  expect(totalBytes: number): void {
    this.#figures.expect(totalBytes);
  }

  /** From now on an abort is refused, and this is why. */
  refuseAbort(why: string): void {
    this.#tooLate ??= why;
  }

  /** How it ended; without a word of it, it has completed. */
  settle(result: JobResult, error?: unknown): void {
    this.#result ??= result;
    if (error !== undefined) this.#error ??= messageOf(error);
  }

  /** Does the work of the job, and notes how that ended. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      const done = await work();
      this.settle('completed');
      return done;
    } catch (error) {
      this.settle(error instanceof AbortedError || this.#abort.signal.aborted ? 'cancelled' : 'failed', error);
      throw error;
    }
  }

  info(): JobInfo {
    const numbers = this.#figures.numbers();
    const { operation, what, pid, since, name, uuid } = this.record;
    return {
      type: numbers.dataTotalBytes === undefined ? 'unbounded' : 'bounded',
      operation,
      what,
      pid,
      since,
      elapsedMs: Math.round(performance.now() - this.#startedAt),
      ...numbers,
      pageBytes: PAGE_BYTES,
      abortable: this.#endpoint !== undefined && this.#tooLate === undefined,
      domain: name,
      uuid,
    };
  }

  #askToStop(from: string): string | undefined {
    if (this.#tooLate !== undefined) return this.#tooLate;
    this.#abort.abort(new AbortedError(`stopped by domjobabort (${from})`));
    return undefined;
  }

  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    const result = this.#result ?? 'completed';
    const error = this.#error === undefined ? {} : { error: this.#error };
    // The socket goes before the locks: behind them it would be the next job's.
    this.#endpoint?.close({ type: 'ended', result, ...error });
    for (const lock of this.locks) lock[Symbol.dispose]();
    // Who hears of the end finds the domain free.
    if (this.#endpoint !== undefined) {
      this.onEnded({ ...this.info(), type: result, uuid: this.record.uuid, abortable: false, ...error });
    }
  }
}
