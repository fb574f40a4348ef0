import { abortDomainJob, domainJob } from '../../operations/domain-job.js';
import type { JobInfo } from '../../host/jobs/job-messages.js';
import type { JobOperation } from '../../host/jobs/job-record.js';
import type { TypedParam, WireDomain } from '../wire/types.js';
import { checkFlags, refOf, type CallContext, type Handlers } from './call.js';

/** virDomainJobType. */
const JOB_TYPE = { none: 0, bounded: 1, unbounded: 2, completed: 3, failed: 4, cancelled: 5 } as const;
/** virDomainJobOperation. */
const OPERATION: Readonly<Record<JobOperation, number>> = {
  modify: 0,
  start: 1,
  save: 2,
  restore: 3,
  'incoming-migration': 4,
  'outgoing-migration': 5,
  dump: 8,
};
/** virDomainGetJobStatsFlags. */
const STATS = { completed: 1, keepCompleted: 2 } as const;

const wholeNumber = (value: number | undefined): bigint => BigInt(Math.max(0, Math.round(value ?? 0)));

/** What is known of a job, in libvirt's names and units: bytes, ms, bytes a second, pages a second. */
export function jobParams(job: JobInfo): TypedParam[] {
  if (job.type === 'none') return [];
  const figures: readonly (readonly [field: string, value: number | undefined])[] = [
    ['time_elapsed', job.elapsedMs],
    ['data_total', job.dataTotalBytes],
    ['data_processed', job.dataProcessedBytes],
    ['data_remaining', job.dataRemainingBytes],
    ['memory_total', job.dataTotalBytes],
    ['memory_processed', job.dataProcessedBytes],
    ['memory_remaining', job.dataRemainingBytes],
    ['memory_bps', job.bytesPerSecond],
    ['memory_dirty_rate', job.dirtyPagesPerSecond],
    ['memory_page_size', job.pageBytes],
    ['memory_iteration', job.iteration],
    ['downtime', job.expectedDowntimeMs],
  ];
  return [
    ...(job.operation === undefined
      ? []
      : [{ field: 'operation', kind: 'int', value: OPERATION[job.operation] } as const]),
    ...figures
      .filter(([, value]) => value !== undefined)
      .map(([field, value]): TypedParam => ({ field, kind: 'ullong', value: wholeNumber(value) })),
    ...(job.error === undefined ? [] : [{ field: 'errmsg', kind: 'string', value: job.error } as const]),
  ];
}

async function abort({ host, signal }: CallContext, dom: WireDomain): Promise<void> {
  await abortDomainJob(host, refOf(dom), signal);
}

/** The job of a domain: a migration, a save, a restore, a dump. */
export const jobCalls = {
  domainGetJobInfo: async ({ dom }, { host, signal }) => {
    const job = await domainJob(host, refOf(dom), false, signal);
    const total = wholeNumber(job.dataTotalBytes);
    const processed = wholeNumber(job.dataProcessedBytes);
    const remaining = wholeNumber(job.dataRemainingBytes);
    return {
      type: JOB_TYPE[job.type],
      timeElapsed: wholeNumber(job.elapsedMs),
      timeRemaining: 0n,
      dataTotal: total,
      dataProcessed: processed,
      dataRemaining: remaining,
      memTotal: total,
      memProcessed: processed,
      memRemaining: remaining,
      fileTotal: 0n,
      fileProcessed: 0n,
      fileRemaining: 0n,
    };
  },
  domainGetJobStats: async ({ dom, flags }, { host, signal }) => {
    checkFlags(flags, STATS.completed | STATS.keepCompleted);
    const job = await domainJob(host, refOf(dom), (flags & STATS.completed) !== 0, signal);
    return { type: JOB_TYPE[job.type], params: jobParams(job) };
  },
  domainAbortJob: ({ dom }, context) => abort(context, dom),
  domainAbortJobFlags: ({ dom, flags }, context) => {
    checkFlags(flags);
    return abort(context, dom);
  },
} satisfies Handlers;
