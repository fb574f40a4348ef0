import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../../errors/deadline.js';
import { DeadlineError, RefusedError } from '../../errors/errors.js';
import { FileLock } from '../../posix/file-lock.js';
import { makeFolder } from '../../posix/folder.js';
import { askJob } from './ask-job.js';
import { CompletedJobs } from './completed-jobs.js';
import { Job, type EndedJob, type JobLog } from './job.js';
import type { JobAnswer, JobInfo } from './job-messages.js';
import { formatJobRecord, holderText, parseJobRecord, type JobOperation, type JobRecord } from './job-record.js';

/** Options of a job. */
export interface JobOptions {
  /** Default: `modify`, which answers no queries. Any other operation can be queried and aborted. */
  readonly operation?: JobOperation;
  /** Longest wait for another job, in ms, if it differs from the host's default. */
  readonly waitMs?: number;
  /** Disposed with the job. */
  readonly alongside?: Disposable | undefined;
}

/**
 * One modifying job per domain, across every process on this host: a lock file for its UUID and one
 * for its name, so that the name of an arriving domain cannot be taken by a create. A dead process's job
 * ends with it. Read-only operations never wait for one.
 */
export class Jobs {
  readonly #completed: CompletedJobs;

  constructor(
    private readonly dir: string,
    private readonly pid: number,
    private readonly waitMs: number,
    private readonly onEnded: (job: EndedJob) => void = () => undefined,
    private readonly onLog: JobLog = () => undefined,
  ) {
    makeFolder(dir);
    this.#completed = new CompletedJobs(join(dir, 'completed'));
  }

  /**
   * Takes the domain's job; dispose it to end the job. The domain's state may have changed
   * when this resolves: look it up again (S09).
   * @param what the job's purpose, shown to others that have to wait: `migrating to HOST`
   * @throws RefusedError `E_REFUSED_BUSY` naming the holder, if it does not become free in time
   */
  async take(uuid: string, name: string, what: string, signal: AbortSignal, options: JobOptions = {}): Promise<Job> {
    const operation = options.operation ?? 'modify';
    const record = (): JobRecord => ({
      format: 1,
      operation,
      what,
      pid: this.pid,
      since: new Date().toISOString(),
      uuid,
      name,
    });
    using deadline = new Deadline(signal, options.waitMs ?? this.waitMs, 'E_DEADLINE_JOB', `the job of ${name}`);
    // Always in this order, so that two takers cannot each hold one.
    const byUuid = await this.#lock(this.#uuidLock(uuid), name, record, deadline.signal);
    const locks = [byUuid];
    try {
      locks.unshift(await this.#lock(this.#nameLock(name), name, record, deadline.signal));
      const { alongside } = options;
      const job = new Job(
        record(),
        alongside === undefined ? locks : [...locks, alongside],
        (ended) => {
          try {
            this.#completed.keep(ended);
          } catch {
            // The job has ended all the same: what is kept of it is for people's questions only.
          }
          this.onEnded(ended);
        },
        this.onLog,
      );
      if (operation !== 'modify') await job.listen(this.#socket(uuid));
      return job;
    } catch (error) {
      for (const lock of locks) lock.release();
      throw error;
    }
  }

  /** The job of a domain that arrives, or of one whose migration is being settled: what `dest` asks for. */
  readonly reserve = (
    uuid: string,
    name: string,
    why: string,
    signal: AbortSignal,
    kind: 'arrival' | 'settling',
    alongside?: Disposable,
  ): Promise<Job> =>
    this.take(uuid, name, why, signal, kind === 'arrival' ? { operation: 'incoming-migration', alongside } : {});

  /**
   * The present holder of a domain's job; undefined if there is none, or if its record is not written yet. Never waits.
   */
  holder(uuid: string): JobRecord | undefined {
    const path = this.#uuidLock(uuid);
    return FileLock.isHeld(path) ? parseJobRecord(FileLock.holderOf(path)) : undefined;
  }

  /** Every job of this host that is held now. */
  running(): JobRecord[] {
    return readdirSync(this.dir)
      .filter((file) => /^[0-9a-f-]{36}\.lock$/.test(file))
      .map((file) => this.holder(file.slice(0, -'.lock'.length)))
      .filter((record) => record !== undefined);
  }

  /** The state of the domain's job; type `none` if there is none. */
  async info(uuid: string, signal: AbortSignal): Promise<JobInfo> {
    const holder = this.holder(uuid);
    if (holder === undefined) return { type: 'none' };
    if (holder.operation !== 'modify') {
      for await (const answer of askJob(this.#socket(uuid), { ask: 'info' }, signal)) {
        if (answer.type === 'info') return answer.info;
      }
      // It has ended during the query.
      if (this.holder(uuid)?.since !== holder.since) return { type: 'none' };
    }
    const { operation, what, pid, since, name } = holder;
    const elapsedMs = Math.max(0, Date.now() - Date.parse(since));
    return { type: 'unbounded', operation, what, pid, since, elapsedMs, abortable: false, domain: name, uuid };
  }

  /** The result of a domain's last long job, by UUID or former name. */
  completed(ref: string): JobInfo | undefined {
    return this.#completed.find(ref);
  }

  /**
   * Asks the domain's job to stop, and resolves to its result. A job that had passed the point at which it can stop may
   * complete all the same.
   * @throws RefusedError `E_REFUSED_NO_JOB`, `E_REFUSED_TOO_LATE`, `E_REFUSED_NOT_ABORTABLE`
   */
  async abort(uuid: string, name: string, signal: AbortSignal): Promise<Extract<JobAnswer, { type: 'ended' }>> {
    const holder = this.holder(uuid);
    if (holder === undefined) throw noJob(name);
    if (holder.operation === 'modify') {
      throw new RefusedError('E_REFUSED_NOT_ABORTABLE', `the job of ${name} cannot be stopped: ${holderText(holder)}`, {
        hint: 'It is a short operation; wait for its end.',
        data: { holder: holderText(holder) },
      });
    }
    for await (const answer of askJob(this.#socket(uuid), { ask: 'abort', from: `process ${this.pid}` }, signal)) {
      if (answer.type === 'ended') return answer;
      if (answer.type === 'refused') {
        throw new RefusedError('E_REFUSED_TOO_LATE', `the job of ${name} cannot be stopped any more: ${answer.why}`, {
          hint: 'Wait for its end; `domjobinfo` shows how far it is.',
        });
      }
    }
    throw noJob(name);
  }

  #uuidLock(uuid: string): string {
    return join(this.dir, `${uuid}.lock`);
  }

  #nameLock(name: string): string {
    const key = createHash('sha256').update(name).digest('hex').slice(0, 32);
    return join(this.dir, `name-${key}.lock`);
  }

  #socket(uuid: string): string {
    return join(this.dir, `${uuid}.sock`);
  }

  async #lock(path: string, name: string, record: () => JobRecord, signal: AbortSignal): Promise<FileLock> {
    try {
      return await FileLock.take(path, () => formatJobRecord(record()), signal);
    } catch (error) {
      if (!(signal.reason instanceof DeadlineError)) throw error;
      const holder = holderText(parseJobRecord(FileLock.holderOf(path)));
      throw new RefusedError('E_REFUSED_BUSY', `domain ${name} is busy: ${holder}`, {
        cause: signal.reason,
        hint: 'Wait until that has ended, or stop it (`xenferry domjobabort`), and try again.',
        data: { holder },
      });
    }
  }
}

function noJob(name: string): RefusedError {
  return new RefusedError('E_REFUSED_NO_JOB', `domain ${name} has no job that could be stopped`, {
    hint: '`xenferry domjobinfo` shows what is under way.',
  });
}
