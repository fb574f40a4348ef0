import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { orAborted } from '../../errors/deadline.js';
import { SystemError, XenferryError } from '../../errors/errors.js';
import { formatLease, MAX_RECORD_BYTES, parseLease, type LeaseRecord } from './lease-record.js';

/** The last record of its disk. Epochs count up from 1 for the lifetime of the folder. */
export interface CurrentLease {
  readonly epoch: number;
  readonly record: LeaseRecord;
}

const RECORD = /^(\d{12})\.json$/;
const ANY_EPOCH = /^(\d{12})\./;
const ID_FILE = 'folder-id';
const MAX_ID_BYTES = 64;
/**
 * Records of a disk that are kept: a host with an outdated view of the folder must not take an old number for a new
 * one.
 */
const KEPT = 16;
/** Other hosts may win a few times, but not for ever. */
const TRIES = 64;

/**
 * The holders of disks, in a folder that hosts share. Each disk has a folder with numbered records, of which the
 * highest counts. A change is a new record under the next number, made by link(2): of all hosts that try, the file
 * system lets one succeed, and readers see the record whole or not at all. So it needs neither locks, which NFS may not
 * implement correctly, nor a clock.
 */
export class LeaseFolder {
  constructor(readonly dir: string) {}

  /**
   * Identifies this folder, in particular against the empty one that a share is mounted over.
   * @throws SystemError `E_SYSTEM_LEASES`
   */
  id(signal: AbortSignal): Promise<string> {
    return this.#call(signal, 'look at', async () => {
      const path = join(this.dir, ID_FILE);
      const known = await readSmall(path, MAX_ID_BYTES);
      if (known !== undefined) return known.trim();
      await writeOnce(this.dir, ID_FILE, `${randomUUID()}\n`);
      return (await readSmall(path, MAX_ID_BYTES))?.trim() ?? '';
    });
  }

  /** The last record of a disk; undefined if it never had one. @throws SystemError `E_SYSTEM_LEASES` */
  read(key: string, signal: AbortSignal): Promise<CurrentLease | undefined> {
    return this.#call(signal, 'read', () => this.#latest(key));
  }

  /**
   * Replaces the last record of a disk by the result of `change`, which is called again if another host was faster.
   * Durable once it resolves.
   * @param change returns undefined if nothing has to change; its exceptions are passed on
   * @throws SystemError `E_SYSTEM_LEASES`
   */
  change(
    key: string,
    change: (current: LeaseRecord | undefined) => Promise<LeaseRecord | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#call(signal, 'write', async () => {
      await mkdir(join(this.dir, key), { mode: 0o700 }).catch(ignore('EEXIST'));
      for (let tries = 0; tries < TRIES; tries += 1) {
        signal.throwIfAborted();
        const current = await this.#latest(key);
        const next = await change(current?.record);
        if (next === undefined || (await this.#append(key, (current?.epoch ?? 0) + 1, next))) return;
      }
      throw new SystemError('E_SYSTEM_LEASES', `the lease ${join(this.dir, key)} changes faster than it can be taken`, {
        hint: 'Check which hosts write to that folder.',
      });
    });
  }

  async #latest(key: string): Promise<CurrentLease | undefined> {
    const dir = join(this.dir, key);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const epoch = Math.max(0, ...(await namesIn(dir)).map((name) => Number(RECORD.exec(name)?.[1] ?? 0)));
      if (epoch === 0) return undefined;
      const path = join(dir, recordName(epoch));
      const content = await readSmall(path, MAX_RECORD_BYTES);
      // If it is gone, there is a higher one.
      if (content !== undefined) return { epoch, record: parseLease(content, path) };
    }
    throw new SystemError('E_SYSTEM_LEASES', `the lease ${dir} changes faster than it can be read`);
  }

  /** False if another host was faster. */
  async #append(key: string, epoch: number, record: LeaseRecord): Promise<boolean> {
    const dir = join(this.dir, key);
    const name = recordName(epoch);
    if (!(await writeOnce(dir, name, formatLease(record)))) return false;
    const names = await namesIn(dir);
    const highest = Math.max(...names.map((one) => Number(RECORD.exec(one)?.[1] ?? 0)));
    if (highest - epoch >= KEPT) {
      // We saw a very old state of the folder: the number was free again, because its record had been removed. The
      // change is evaluated again; if other hosts were that fast after us, it finds the change made.
      await unlink(join(dir, name)).catch(ignore('ENOENT'));
      return false;
    }
    // Records that are higher by less than that follow ours: its number cannot have been used before.
    for (const old of names) {
      const before = Number(ANY_EPOCH.exec(old)?.[1] ?? epoch);
      const isOld = RECORD.test(old) ? before <= epoch - KEPT : before < epoch;
      if (isOld) await unlink(join(dir, old)).catch(() => undefined); // the next change removes it
    }
    return true;
  }

  async #call<T>(signal: AbortSignal, what: string, work: () => Promise<T>): Promise<T> {
    try {
      // A share whose server is unreachable hangs: the wait can be abandoned, the call cannot.
      return await orAborted(work(), signal);
    } catch (error) {
      if (error instanceof XenferryError) throw error;
      throw new SystemError('E_SYSTEM_LEASES', `cannot ${what} the leases in ${this.dir}`, {
        cause: error,
        hint: 'Mount the folder that `lease_dir` names; every host that shares the disks must mount the same one.',
      });
    }
  }
}

function recordName(epoch: number): string {
  return `${String(epoch).padStart(12, '0')}.json`;
}

/** Writes a file completely and durably, or not at all; false if the name exists already. */
async function writeOnce(dir: string, name: string, content: string): Promise<boolean> {
  // The number in front shows later writers that a crash left the file.
  const fresh = join(dir, `${name.split('.', 1)[0]}.${randomUUID()}.new`);
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(fresh, join(dir, name));
    } catch (error) {
      // Missing: a faster host took our draft for an old one.
      if (isOneOf(error, 'EEXIST', 'ENOENT')) return false;
      throw error;
    }
  } finally {
    await unlink(fresh).catch(() => undefined); // a later change removes it
  }
  const folder = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return true;
}

async function readSmall(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new SystemError('E_SYSTEM_LEASES', `${path} has ${size} bytes: that is not a lease`);
      const bytes = Buffer.alloc(size);
      const { bytesRead } = await file.read(bytes, 0, size, 0);
      return bytes.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isOneOf(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isOneOf(error, 'ENOENT')) return [];
    throw error;
  }
}

function isOneOf(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}

function ignore(code: string): (error: unknown) => void {
  return (error) => {
    if (!isOneOf(error, code)) throw error;
  };
}
