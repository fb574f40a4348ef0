import { z } from 'zod';
import { SystemError } from '../../errors/errors.js';
import { printableJson } from '../../errors/printable.js';

/** How a guest uses a disk: alone, or together with others that all say `<shareable/>`. */
export type LeaseMode = 'exclusive' | 'shared';

const text = z.string().max(4096);
const plainHolder = z.object({
  /** Name of the host, for people. */
  host: text,
  /** Tells hosts apart, also those of one name: made up once for each state folder. */
  hostId: z.uuid(),
  /** Which boot of that host, where it knows; behind a reboot none of its guests is left. */
  bootId: text.optional(),
  /** Of the guest. */
  uuid: z.uuid(),
  name: text,
  mode: z.enum(['exclusive', 'shared']),
  since: z.iso.datetime(),
});
const holderSchema = plainHolder.extend({
  /** The migration that may take the lease along. */
  offered: z.uuid().optional(),
  /** It came by this migration: where that fails, it goes back to whom it came from. */
  arriving: z.object({ migration: z.uuid(), from: plainHolder.optional() }).optional(),
});

/** A guest on a host that has a disk, or is about to. */
export type Holder = z.infer<typeof holderSchema>;

/** Most guests that may share a disk. */
export const MAX_HOLDERS = 256;

const recordSchema = z.object({
  version: z.literal(1),
  /** The disk, for people: the name of the record's folder is its key. */
  disk: text,
  /** Nobody: the disk is free. */
  holders: z.array(holderSchema).max(MAX_HOLDERS),
});

/** Who has a disk. Never changed once written: what changes is which record is the last one. */
export type LeaseRecord = z.infer<typeof recordSchema>;

/** In bytes. */
export const MAX_RECORD_BYTES = 1024 * 1024;

export function formatLease(record: LeaseRecord): string {
  return `${printableJson(recordSchema.parse(record))}\n`;
}

/** @throws SystemError `E_SYSTEM_LEASES` where it is none: nobody knows then who has the disk */
export function parseLease(content: string, path: string): LeaseRecord {
  try {
    return recordSchema.parse(JSON.parse(content));
  } catch (error) {
    throw new SystemError('E_SYSTEM_LEASES', `${path} is damaged: who has that disk is not known`, {
      cause: error,
      hint: 'Make sure that no host uses the disk, then remove that file.',
    });
  }
}
