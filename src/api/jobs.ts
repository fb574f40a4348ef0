import type { JobInfo, JobResult } from '../host/jobs/job-messages.js';
import { abortDomainJob, domainJob } from '../operations/domain-job.js';
import { signalOf, type CallOptions } from './options/calls.js';
import type { Host } from './options/host.js';
import { localHost } from './process/local-host.js';

export type { JobInfo, JobResult };

/**
 * The job of a domain (a migration, save, restore or dump), in whichever process it runs; never waits for it.
 * @throws RefusedError `E_REFUSED_NO_DOMAIN`
 */
export async function jobInfo(
  host: Host,
  domain: string,
  options: CallOptions & {
    /** The last one that has ended, also of a domain that has left; default: false. */
    readonly completed?: boolean;
  } = {},
): Promise<JobInfo> {
  return await domainJob(localHost(host), domain, options.completed === true, signalOf(options));
}

/** How a job that was aborted has ended. */
export interface AbortedJob {
  readonly name: string;
  readonly result: JobResult;
  readonly error?: string | undefined;
}

/** Stops the job of a domain; resolves when it has ended. @throws RefusedError `E_REFUSED_NO_JOB`, `E_REFUSED_TOO_LATE` */
export async function abortJob(host: Host, domain: string, options: CallOptions = {}): Promise<AbortedJob> {
  return await abortDomainJob(localHost(host), domain, signalOf(options));
}
