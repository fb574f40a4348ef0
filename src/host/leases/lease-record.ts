import { z } from '../../errors/zod.js';
import { SystemError } from '../../errors/errors.js';
import { printableJson } from '../../errors/printable.js';

/** How a guest uses a disk: alone, or together with others that are all `<shareable/>`. */
export type LeaseMode = 'exclusive' | 'shared';

const text = z.string().max(4096);
const plainHolder = z.object({
  /** Name of the host, for people. */
  host: text,
  /** Tells hosts apart, also those of one name: generated once for each state folder. */
  hostId: z.uuid(),
  /** Boot id of that host, if known; after a reboot none of its guests is left. */
  bootId: text.optional(),
  /** UUID of the guest. */
  uuid: z.uuid(),
  name: text,
  mode: z.enum(['exclusive', 'shared']),
  since: z.iso.datetime(),
});
const holderSchema = plainHolder.extend({
  /** The migration that may transfer the lease. */
  offered: z.uuid().optional(),
  /** It was transferred by this migration: if that fails, it goes back to the previous holder. */
  arriving: z.object({ migration: z.uuid(), from: plainHolder.optional() }).optional(),
});

/** A guest on a host that uses a disk, or is about to. */
export type Holder = z.infer<typeof holderSchema>;

/** Most guests that may share a disk. */
export const MAX_HOLDERS = 256;

const recordSchema = z.object({
  version: z.literal(1),
  /** The disk, for people: the name of the record's folder is its key. */
  disk: text,
  /** Empty: the disk is free. */
  holders: z.array(holderSchema).max(MAX_HOLDERS),
});

/** The holders of a disk. Never changed once written: a change adds a record. */
export type LeaseRecord = z.infer<typeof recordSchema>;

/** In bytes. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** A record as the content of its file. */
export function formatLease(record: LeaseRecord): string {
  return `${printableJson(recordSchema.parse(record))}\n`;
}

/**
 * The record in a file. @throws SystemError `E_SYSTEM_LEASES` if it is invalid: the holder of the disk is then unknown
 */
export function parseLease(content: string, path: string): LeaseRecord {
  try {
    return recordSchema.parse(JSON.parse(content));
  } catch (error) {
    throw new SystemError('E_SYSTEM_LEASES', `${path} is damaged: the holder of that disk is unknown`, {
      cause: error,
      hint: 'Make sure that no host uses the disk, then remove that file.',
    });
  }
}
