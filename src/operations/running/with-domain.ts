import type { DomainInfo, TransferEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { Job } from '../../host/jobs/job.js';
import type { JobOperation } from '../../host/jobs/job-record.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import { settleArrival } from './settle-arrival.js';

/** An operation on a domain. */
export interface Operation {
  /** Shown to others that wait for the job: `pausing it`. */
  readonly why: string;
  /** Any operation other than `modify`, the default, can be queried and aborted by another process. */
  readonly operation?: JobOperation;
  readonly signal: AbortSignal;
}

/** An operation with its domain, by name, UUID or id. */
export interface DomainOperation extends Operation {
  readonly ref: string;
}

/** A job that is held. */
export interface JobContext {
  readonly job: Job;
  /** Fires when the caller aborts, or another process aborts the job. */
  readonly signal: AbortSignal;
}

/** Takes a domain's job, does the work and ends the job, recording its result. @throws RefusedError `E_REFUSED_BUSY` */
export async function underJob<T>(
  host: Host,
  { uuid, name }: Pick<KnownDomain, 'uuid' | 'name'>,
  { why, operation, signal }: Operation,
  work: (held: JobContext) => Promise<T>,
): Promise<T> {
  using job = await host.jobs.take(uuid, name, why, signal, operation === undefined ? {} : { operation });
  return await job.during(async () => {
    await settleArrival(host, uuid);
    return await work({ job, signal: AbortSignal.any([signal, job.cancel]) });
  });
}

/** Forwards the events of a save or restore, and counts them in the job's figures. */
export function recordingInJob(
  { job }: JobContext,
  onEvent: (event: TransferEvent) => void,
): (event: TransferEvent) => void {
  return (event) => {
    job.note(event);
    onEvent(event);
  };
}

/**
 * Runs an operation on a domain, running or not, under its job.
 * @throws RefusedError `E_REFUSED_NO_DOMAIN`, `E_REFUSED_BUSY`, `E_REFUSED_DOMAIN0`
 */
export async function withDomain<T>(
  host: Host,
  doing: DomainOperation,
  work: (domain: KnownDomain, held: JobContext) => Promise<T>,
): Promise<T> {
  const found = await host.findKnown(doing.ref, doing.signal);
  // What was true before the wait may have changed (S09).
  return underJob(host, found, doing, async (held) => work(await host.findKnown(found.uuid, held.signal), held));
}

/** As `withDomain`, for a running domain. @throws RefusedError `E_REFUSED_NOT_RUNNING` as well */
export async function withRunning<T>(
  host: Host,
  doing: DomainOperation,
  work: (info: DomainInfo, held: JobContext) => Promise<T>,
): Promise<T> {
  const found = await host.find(doing.ref, doing.signal);
  return underJob(host, found, doing, async (held) => work(await host.find(found.uuid, held.signal), held));
}
