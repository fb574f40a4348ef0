import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from '../../errors/zod.js';
import { RefusedError } from '../../errors/errors.js';
import { printableJson } from '../../errors/printable.js';
import { readBounded, removeDurably, writeDurably } from '../../posix/durable-file.js';
import { makeFolder } from '../../posix/folder.js';

const noteSchema = z.object({
  version: z.literal(1),
  /** The folder with the leases. */
  dir: z.string(),
  name: z.string(),
  disks: z.array(
    z.object({
      key: z.string().regex(/^[0-9a-f]{64}$/),
      disk: z.string(),
      mode: z.enum(['exclusive', 'shared']),
      /** It is being taken or released: a restart releases it in either case, and never takes it. */
      pending: z.boolean().optional(),
    }),
  ),
  /** The guest is arriving; its leases go back if it does not arrive. */
  arriving: z.boolean(),
});

/**
 * Leases that a guest of this host has, or may have: written before they are taken, removed after they are released.
 */
export type LeaseNote = z.infer<typeof noteSchema>;

export type NotedDisk = LeaseNote['disks'][number];

const seenSchema = z.object({ dir: z.string(), id: z.string() });
const MAX_BYTES = 1024 * 1024;
const UUID_FILE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/;

/** This host's own records about leases, on its own disk: so no kill leaves an unknown lease. */
export class LeaseNotes {
  /** Distinguishes this host from others, also from those with the same name. */
  readonly hostId: string;

  /** Makes the folder if it is missing. Throws the system's error. */
  constructor(private readonly dir: string) {
    makeFolder(dir);
    const path = join(dir, 'host-id');
    const known = readBounded(path, MAX_BYTES)?.trim();
    this.hostId = known ?? randomUUID();
    if (known === undefined) writeDurably(path, `${this.hostId}\n`);
  }

  /** A guest's record. Throws the system's error, or an error if the record is damaged. */
  get(uuid: string): LeaseNote | undefined {
    const text = readBounded(this.#path(uuid), MAX_BYTES);
    return text === undefined ? undefined : noteSchema.parse(JSON.parse(text));
  }

  /** Writes a guest's record durably. Throws the system's error. */
  put(uuid: string, note: LeaseNote): void {
    writeDurably(this.#path(uuid), `${printableJson(note)}\n`);
  }

  /** Removes a guest's record. Throws the system's error. */
  remove(uuid: string): void {
    removeDurably(this.#path(uuid));
  }

  /** Guests that have leases, or may have. */
  uuids(): string[] {
    return readdirSync(this.dir)
      .map((file) => UUID_FILE.exec(file)?.[1])
      .filter((uuid) => uuid !== undefined);
  }

  /** The id of the folder at `dir`, as this host last saw it. */
  folderAt(dir: string): string | undefined {
    const text = readBounded(this.#seen, MAX_BYTES);
    const seen = text === undefined ? undefined : seenSchema.parse(JSON.parse(text));
    return seen?.dir === dir ? seen.id : undefined;
  }

  /**
   * Records a folder's id, or refuses a folder with another id than before: a share that is not mounted leaves an empty
   * folder, in which every disk is free.
   * @throws RefusedError `E_REFUSED_LEASE_FOLDER`
   */
  checkFolder(dir: string, id: string): void {
    const before = this.folderAt(dir);
    if (before === undefined) writeDurably(this.#seen, `${JSON.stringify({ dir, id })}\n`);
    if (before === undefined || before === id) return;
    throw new RefusedError('E_REFUSED_LEASE_FOLDER', `${dir} is not the folder of leases that this host knows`, {
      hint: `Is the share mounted? If the folder was recreated on purpose, stop all guests that use it and remove ${this.#seen}.`,
      data: { expected: before, found: id },
    });
  }

  get #seen(): string {
    return join(this.dir, 'folder.json');
  }

  #path(uuid: string): string {
    return join(this.dir, `${uuid}.json`);
  }
}
