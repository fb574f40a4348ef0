import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from '../../errors/zod.js';
import { printableJson } from '../../errors/printable.js';
import { makeFolder } from '../../posix/folder.js';
import { readBounded, removeDurably, writeDurably } from '../../posix/durable-file.js';

/** Reasons for a domain's state, by libvirt's names. */
export const STATE_REASONS = {
  running: ['booted', 'restored', 'migrated', 'unpaused', 'migration canceled', 'save canceled', 'wakeup', 'unknown'],
  paused: ['starting up', 'user', 'restored', 'migrating', 'migration', 'saving', 'unknown'],
  pmsuspended: ['unknown'],
  shutoff: ['shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'unknown'],
} as const;

export type RunningReason = (typeof STATE_REASONS.running)[number];
export type PausedReason = (typeof STATE_REASONS.paused)[number];
export type ShutoffReason = (typeof STATE_REASONS.shutoff)[number];

const about = { version: z.literal(1), name: z.string(), at: z.iso.datetime() };
const recordSchema = z.discriminatedUnion('state', [
  z.object({
    ...about,
    state: z.literal('running'),
    reason: z.enum(STATE_REASONS.running),
    domid: z.int().positive(),
  }),
  z.object({ ...about, state: z.literal('paused'), reason: z.enum(STATE_REASONS.paused), domid: z.int().positive() }),
  z.object({
    ...about,
    /** Suspended to memory on purpose: written before the guest is asked, so that it can never look like an unfinished save. */
    state: z.literal('pmsuspended'),
    reason: z.enum(STATE_REASONS.pmsuspended),
    domid: z.int().positive(),
  }),
  z.object({
    ...about,
    state: z.literal('shutoff'),
    reason: z.enum(STATE_REASONS.shutoff),
    /** Id of its remains, if they were kept on purpose: a guest that stopped, and is preserved. */
    domid: z.int().positive().optional(),
    /** Its guest is being started again; if no process does that any more, it has to be done. */
    restarting: z.boolean().optional(),
  }),
]);

/** Our last action on a domain. It explains the state that the toolstack reports, and never overrides it. */
export type RunRecord = z.infer<typeof recordSchema>;

const MAX_BYTES = 64 * 1024;

/**
 * Run-time records of domains, separate from their definitions (S19): a file each, named by UUID. A record that is
 * missing or unreadable only makes a reason unknown.
 */
export class RunRecords {
  /** Makes the folder if it is missing. Throws the system's error. */
  constructor(private readonly dir: string) {
    makeFolder(dir);
  }

  get(uuid: string): RunRecord | undefined {
    try {
      const text = readBounded(this.#path(uuid), MAX_BYTES);
      return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
    } catch {
      return undefined; // the toolstack reports the state; only the reason is unknown
    }
  }

  /** UUIDs of the domains that have a record. */
  uuids(): string[] {
    return readdirSync(this.dir)
      .map((file) => /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/.exec(file)?.[1])
      .filter((uuid) => uuid !== undefined);
  }

  /** Writes a record. Throws the system's error. */
  put(uuid: string, record: RunRecord): void {
    writeDurably(this.#path(uuid), `${printableJson(record)}\n`);
  }

  /** Removes a record. Throws the system's error. */
  remove(uuid: string): void {
    removeDurably(this.#path(uuid));
  }

  #path(uuid: string): string {
    return join(this.dir, `${uuid}.json`);
  }
}
