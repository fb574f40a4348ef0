import { z } from 'zod';
import { printableJson } from '../../errors/printable.js';
import { JOB_OPERATIONS } from './job-record.js';

/* What goes over a job's socket: JSON lines. A question, and an answer; behind an abort that was taken, a last word. */

export const jobQuestionSchema = z.object({
  ask: z.enum(['info', 'abort']),
  /** Who asks, for the holder's error: `process 123`. */
  from: z.string().max(256).optional(),
});
export type JobQuestion = z.infer<typeof jobQuestionSchema>;

const count = z.number().nonnegative().optional();

/** What is known of a job: `domjobinfo --json`. Bytes, ms, pages a second. */
export const jobInfoSchema = z.object({
  /** `bounded`: it knows how much there is; `unbounded`: only how long it has taken. */
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
  /** Whether `domjobabort` would be taken now. */
  abortable: z.boolean().optional(),
  /** Of a failed one. */
  error: z.string().optional(),
  domain: z.string().optional(),
  uuid: z.string().optional(),
});
export type JobInfo = Readonly<z.infer<typeof jobInfoSchema>>;

export const jobAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('info'), info: jobInfoSchema }),
  z.object({ type: z.literal('asked') }),
  z.object({ type: z.literal('refused'), why: z.string() }),
  /** The job is over. */
  z.object({
    type: z.literal('ended'),
    result: z.enum(['completed', 'failed', 'cancelled']),
    error: z.string().optional(),
  }),
]);
export type JobAnswer = z.infer<typeof jobAnswerSchema>;
export type JobResult = Extract<JobAnswer, { type: 'ended' }>['result'];

export function jobLine(value: JobQuestion | JobAnswer): string {
  return `${printableJson(value)}\n`;
}
