import { Deadline } from '../errors/deadline.js';
import { RefusedError } from '../errors/errors.js';
import type { Host } from '../host/host.js';
import type { JobInfo, JobResult } from '../host/jobs/job-messages.js';

/** Longest wait for the answer of a running job, which answers between two pieces of its work. */
const ANSWER_MS = 10_000;
/** Longest wait for a job to end after it was aborted: a save in libxl reacts only between two records. */
const STOP_MS = 120_000;

/**
 * The job of a domain, as `domjobinfo` shows it; never waits for it. An arriving domain is found by
 * its UUID or by its future name.
 * @param completed the last completed job, also of a domain that has left
 * @throws RefusedError `E_REFUSED_NO_DOMAIN`
 */
export async function domainJob(host: Host, ref: string, completed: boolean, signal: AbortSignal): Promise<JobInfo> {
  if (completed) {
    const kept = host.jobs.completed(ref) ?? host.jobs.completed((await host.find(ref, signal)).uuid);
    return kept ?? { type: 'none' };
  }
  const { uuid } = await subject(host, ref, signal);
  using deadline = new Deadline(signal, ANSWER_MS, 'E_DEADLINE_JOB_ANSWER', `the job of ${ref}`);
  return await host.jobs.info(uuid, deadline.signal);
}

/**
 * Stops the job of a domain: a migration of either side, a save, a restore, a dump. Resolves when it has ended.
 * @throws RefusedError `E_REFUSED_NO_JOB`, `E_REFUSED_NOT_ABORTABLE`, and `E_REFUSED_TOO_LATE` once the destination
 *   of a migration decides
 */
export async function abortDomainJob(
  host: Host,
  ref: string,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly result: JobResult; readonly error?: string | undefined }> {
  const { uuid, name } = await subject(host, ref, signal);
  using deadline = new Deadline(signal, STOP_MS, 'E_DEADLINE_JOB_END', `the end of the job of ${name}`);
  const { result, error } = await host.jobs.abort(uuid, name, deadline.signal);
  return { name, result, error };
}

/** A domain of this host, or one that a job is about to make. */
async function subject(host: Host, ref: string, signal: AbortSignal): Promise<{ uuid: string; name: string }> {
  try {
    return await host.find(ref, signal);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== 'E_REFUSED_NO_DOMAIN') throw error;
    const coming = host.jobs.running().find((job) => job.name === ref || job.uuid === ref.toLowerCase());
    if (coming === undefined) throw error;
    return coming;
  }
}
