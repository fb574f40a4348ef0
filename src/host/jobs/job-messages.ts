import { z } from '../../errors/zod.js';
import { JOB_OPERATIONS } from './job-record.js';

/* The messages of a job's socket: a question, and an answer; after an accepted abort, a final answer. */

/** Most bytes of one line. */
export const MAX_JOB_LINE_BYTES = 64 * 1024;

export const jobQuestionSchema = z.object({
  ask: z.enum(['info', 'abort']),
  /** The client, for the holder's error: `process 123`. */
  from: z.string().max(256).optional(),
});
export type JobQuestion = z.infer<typeof jobQuestionSchema>;

const count = z.number().nonnegative().optional();

/** A job's state: `domjobinfo --json`. Bytes, ms, pages per second. */
export const jobInfoSchema = z.object({
  /** `bounded`: the total is known; `unbounded`: only the elapsed time is known. */
  type: z.enum(['none', 'bounded', 'unbounded', 'completed', 'failed', 'cancelled']),
  operation: z.enum(JOB_OPERATIONS).optional(),
  what: z.string().optional(),
  pid: z.int().positive().optional(),
  since: z.string().optional(),
  elapsedMs: count,
  phase: z.string().optional(),
  dataTotalBytes: count,
  dataProcessedBytes: count,
  dataRemainingBytes: count,
  wireBytes: count,
  bytesPerSecond: count,
  pageBytes: count,
  iteration: count,
  dirtyPagesPerSecond: count,
  expectedDowntimeMs: count,
  suspended: z.boolean().optional(),
  /** Whether `domjobabort` would be accepted now. */
  abortable: z.boolean().optional(),
  /** The message of a failed job. */
  error: z.string().optional(),
  domain: z.string().optional(),
  uuid: z.string().optional(),
});
export type JobInfo = Readonly<z.infer<typeof jobInfoSchema>>;

export const jobAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('info'), info: jobInfoSchema }),
  z.object({ type: z.literal('asked') }),
  z.object({ type: z.literal('refused'), why: z.string() }),
  /** The job has ended. */
  z.object({
    type: z.literal('ended'),
    result: z.enum(['completed', 'failed', 'cancelled']),
    error: z.string().optional(),
  }),
]);
export type JobAnswer = z.infer<typeof jobAnswerSchema>;
export type JobResult = Extract<JobAnswer, { type: 'ended' }>['result'];
