import { AbortedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { ProgressEvent } from '../../source/report.js';
import { JobEndpoint } from './job-endpoint.js';
import { JobFigures, PAGE_BYTES } from './job-figures.js';
import type { JobInfo, JobResult } from './job-messages.js';
import type { JobRecord } from './job-record.js';

/** A finished job, as it is stored and published. */
export type EndedJob = JobInfo & { readonly uuid: string; readonly type: JobResult };

/** Receives log lines of the toolstack during the job of a domain. */
export type JobLog = (line: Extract<ProgressEvent, { readonly type: 'log' }>, domain: string) => void;

/** A domain's job, held. Dispose it to end it; the next job can then begin. */
export class Job implements Disposable {
  readonly #abort = new AbortController();
  readonly #figures: JobFigures;
  readonly #startedAt = performance.now();
  #endpoint: JobEndpoint | undefined;
  #tooLate: string | undefined;
  #result: JobResult | undefined;
  #error: string | undefined;
  #over = false;

  /** Takes ownership of the locks. */
  constructor(
    readonly record: JobRecord,
    private readonly locks: readonly Disposable[],
    private readonly onEnded: (job: EndedJob) => void,
    private readonly onLog: JobLog,
  ) {
    this.#figures = new JobFigures(() => performance.now());
  }

  /** Lets other processes query and abort the job. Without this only the record shows it. */
  async listen(path: string): Promise<void> {
    this.#endpoint = await JobEndpoint.open(path, {
      info: () => ({ type: 'info', info: this.info() }),
      abort: (from) => this.#askToStop(from),
    });
  }

  /** Fires when another process asks to abort the job, with an AbortedError that names the requester. */
  get cancel(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Takes progress events, for the figures. Once the migration leaves the decision to the destination, aborts are
   * refused.
   */
  readonly note = (event: ProgressEvent): void => {
    this.#figures.note(event);
    if (event.type === 'log') this.onLog(event, this.record.name);
    if (event.type === 'phase' && (event.phase === 'finish' || event.phase === 'confirm')) {
      this.refuseAbort('the destination has been asked to finish: the destination now decides');
    }
  };

  /** Sets the total number of bytes, if the events do not report it. */
  expect(totalBytes: number): void {
    this.#figures.expect(totalBytes);
  }

  /** Refuses aborts from now on, with this reason. */
  refuseAbort(why: string): void {
    this.#tooLate ??= why;
  }

  /** Sets the result; without a call, the job counts as completed. */
  settle(result: JobResult, error?: unknown): void {
    this.#result ??= result;
    if (error !== undefined) this.#error ??= messageOf(error);
  }

  /** Does the work of the job, and records the result. */
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
    // The socket is removed before the locks are released: afterwards it could be the next job's.
    this.#endpoint?.close({ type: 'ended', result, ...error });
    for (const lock of this.locks) lock[Symbol.dispose]();
    // A process that is notified of the end finds the domain free.
    if (this.#endpoint !== undefined) {
      this.onEnded({ ...this.info(), type: result, uuid: this.record.uuid, abortable: false, ...error });
    }
  }
}
