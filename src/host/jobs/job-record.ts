import { z } from '../../errors/zod.js';
import { bounded, printableJson } from '../../errors/printable.js';

/** Operations of jobs, as `domjobinfo` prints them; `modify` is any short operation. */
export const JOB_OPERATIONS = [
  'modify',
  'start',
  'save',
  'restore',
  'dump',
  'outgoing-migration',
  'incoming-migration',
] as const;
export type JobOperation = (typeof JOB_OPERATIONS)[number];

const recordSchema = z.object({
  format: z.literal(1),
  operation: z.enum(JOB_OPERATIONS),
  /** For people: `migrating to xen+tls://host2/system`. */
  what: z.string().max(4096),
  pid: z.int().positive(),
  /** ISO 8601. */
  since: z.iso.datetime(),
  uuid: z.string(),
  name: z.string(),
});

/** The holder of a domain's job: the text of its lock file. */
export type JobRecord = Readonly<z.infer<typeof recordSchema>>;

/** One line; the rest of the file is from an earlier, longer record. */
export function formatJobRecord(record: JobRecord): string {
  return `${printableJson({ ...record, what: bounded(record.what) })}\n`;
}

/** The record in a lock file's text; undefined if it contains none. */
export function parseJobRecord(text: string): JobRecord | undefined {
  const line = text.split('\n', 1)[0];
  try {
    return recordSchema.parse(JSON.parse(line));
  } catch {
    return undefined; // half written, or by an older release: the lock counts, the text is for people
  }
}

/** The holder, for an error message. */
export function holderText(record: JobRecord | undefined): string {
  if (record === undefined) return 'another process works on it';
  return `${record.what} (process ${record.pid}, since ${record.since})`;
}
