import { z } from '../../errors/zod.js';
import { JOB_OPERATIONS } from '../jobs/job-record.js';

/** Longest line of the event log. */
export const MAX_EVENT_BYTES = 16 * 1024;

/** What may happen to a domain and why, in libvirt's names (virDomainEventType and its details), in lower case. */
export const LIFECYCLE_DETAILS = {
  defined: ['added', 'updated', 'renamed'],
  undefined: ['removed', 'renamed'],
  started: ['booted', 'restored', 'migrated', 'wakeup'],
  suspended: ['paused', 'migrated'],
  resumed: ['unpaused', 'migrated'],
  stopped: ['shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'unknown'],
  pmsuspended: ['memory'],
  crashed: ['panicked'],
} as const;

const change = <E extends keyof typeof LIFECYCLE_DETAILS>(event: E) =>
  z.object({ event: z.literal(event), detail: z.enum(LIFECYCLE_DETAILS[event]) });

const changeSchema = z.discriminatedUnion('event', [
  change('defined'),
  change('undefined'),
  change('started'),
  change('suspended'),
  change('resumed'),
  change('stopped'),
  change('pmsuspended'),
  change('crashed'),
]);
export type LifecycleEvent = z.infer<typeof changeSchema>;

const happeningSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('lifecycle'), change: changeSchema }),
  /** A long job has ended: a migration of either side, a save, a restore, a dump. */
  z.object({
    type: z.literal('job'),
    operation: z.enum(JOB_OPERATIONS),
    result: z.enum(['completed', 'failed', 'cancelled']),
    elapsedMs: z.number().nonnegative(),
    error: z.string().max(4096).optional(),
  }),
  /** Title, description or an element of the metadata, by its namespace, has changed. */
  z.object({
    type: z.literal('metadata-change'),
    of: z.enum(['title', 'description', 'element']),
    uri: z.string().max(1024).optional(),
  }),
  /** The guest's kernel asked for a soft reset, and another one took over from it. */
  z.object({ type: z.literal('soft-reset') }),
  /** The guest has rebooted. */
  z.object({ type: z.literal('reboot') }),
  /** The guest has opened the tray of a drive, for example `hdc`. */
  z.object({ type: z.literal('tray-change'), device: z.string().max(64) }),
  /** Information for an operator, without a change. */
  z.object({ type: z.literal('notice'), text: z.string().max(4096) }),
]);
/** The content of an event. */
export type Happening = z.infer<typeof happeningSchema>;

/** All kinds of events, for `event --list`. */
export const EVENT_TYPES: readonly Happening['type'][] = [
  'lifecycle',
  'job',
  'metadata-change',
  'soft-reset',
  'reboot',
  'tray-change',
  'notice',
];

/** What of a domain's metadata has changed. */
export type MetadataChange = Omit<Extract<Happening, { type: 'metadata-change' }>, 'type'>;

export const domainEventSchema = z.object({
  /** Counts the events of a host from 1, without a gap. */
  seq: z.int().positive(),
  /** ISO 8601, by the clock of the process that writes it. */
  at: z.iso.datetime(),
  domain: z.string(),
  uuid: z.string(),
  /** The domain's id; absent if it does not run. */
  id: z.int().positive().optional(),
  what: happeningSchema,
});
/** An event of a domain of a host. */
export type DomainEvent = Readonly<z.infer<typeof domainEventSchema>>;

/** An event before the log assigns its number. */
export type ToldEvent = Omit<DomainEvent, 'seq' | 'at'>;

/** Replaces events that a reader was too slow for. */
export interface MissedEvents {
  readonly missed: number;
}

/** Whether an item of a subscription reports missed events. */
export function isMissed(event: DomainEvent | MissedEvents): event is MissedEvents {
  return 'missed' in event;
}

/** The event in a line of the log; undefined for an incomplete line of a process that died. */
export function parseEvent(line: string): DomainEvent | undefined {
  if (line.length > MAX_EVENT_BYTES) return undefined;
  try {
    return domainEventSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
