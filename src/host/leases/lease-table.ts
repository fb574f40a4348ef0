import { join } from 'node:path';
import type { Disk } from '../../domain/definition/devices/disk.js';
import type { Domain } from '../../domain/model.js';
import { Deadline, orAborted } from '../../errors/deadline.js';
import type { LeaseFolder } from './lease-folder.js';
import { LeaseNotes, type LeaseNote } from './lease-notes.js';
import type { Holder, LeaseRecord } from './lease-record.js';
import { holderText, inUse } from './lease-refusals.js';
import { freed, freeLease, isSame, taken, type Change } from './lease-rules.js';
import { lockableDisk, type LockableDisk } from './lockable-disks.js';

/** The store of leases: a `LeaseFolder`. */
export type LeaseStore = Pick<LeaseFolder, 'id' | 'read' | 'change'>;

/** Options of the leases. */
export interface LeasesOptions {
  /** Folder that all hosts share that share disks; undefined: no leases are taken, but existing ones are released. */
  readonly dir: string | undefined;
  readonly open: (dir: string) => LeaseStore;
  /** For this host's own records. */
  readonly stateDir: string;
  /** This host's name, for people. */
  readonly hostname: (signal: AbortSignal) => Promise<string>;
  readonly bootId: string | undefined;
  /** Whether a guest is on this host, or a process here works on it. */
  readonly isHere: (uuid: string, signal: AbortSignal) => Promise<boolean>;
  /** Longest wait for the folder, in ms. */
  readonly callMs: number;
  readonly log: (line: string) => void;
}

/** Whether a holder is a leftover, which does not prevent a change. */
type IsLeftover = (holder: Holder) => boolean;

/** How a lease is taken. */
export interface Taking {
  /** An operator states that the holder is dead. */
  readonly force: boolean;
  /** Whether the guest's present hold of the disk suffices. */
  readonly suffices?: (record: LeaseRecord, me: Holder) => boolean;
}

/** The leases of this host's guests: the records in the shared folder, and this host's own records of them. */
export class LeaseTable {
  readonly notes: LeaseNotes;

  /** Throws the system's error if the state folder cannot be used. */
  constructor(readonly options: LeasesOptions) {
    this.notes = new LeaseNotes(join(options.stateDir, 'leases'));
  }

  /**
   * Checks the folder. @throws RefusedError `E_REFUSED_LEASE_FOLDER` if it is not the one that this host knows;
   * SystemError `E_SYSTEM_LEASES`
   */
  async checkFolder(dir: string, signal: AbortSignal): Promise<void> {
    this.notes.checkFolder(dir, await this.idOf(dir, signal));
  }

  /**
   * Takes a disk's lease, by force if `taking` requests it. @throws RefusedError `E_REFUSED_LEASE`; SystemError
   * `E_SYSTEM_LEASES`
   */
  async take(dir: string, disk: LockableDisk, me: Holder, taking: Taking, signal: AbortSignal): Promise<void> {
    await this.change(dir, disk, me, signal, (record, over) => {
      if (taking.suffices?.(record, me) === true) return { do: 'nothing' };
      const change = taken(record, me, over);
      if (change.do !== 'refuse' || !taking.force) return change;
      this.options.log(`${me.name}: the lease of ${disk.disk} is taken by force from ${holderText(change.holder)}`);
      return taken({ ...record, holders: [] }, me, over);
    });
  }

  /** A disk's name, on a share that may not respond. */
  lockable(disk: Disk, signal: AbortSignal): Promise<LockableDisk | undefined> {
    return this.within(signal, (soon) => orAborted(lockableDisk(disk), soon));
  }

  forgetDisk(uuid: string, key: string): void {
    const note = this.notes.get(uuid);
    if (note === undefined) return;
    const disks = note.disks.filter((one) => one.key !== key);
    if (disks.length === 0) this.notes.remove(uuid);
    else this.notes.put(uuid, { ...note, disks });
  }

  async free(uuid: string, signal: AbortSignal): Promise<void> {
    const note = this.notes.get(uuid);
    if (note === undefined) return;
    await this.within(signal, (soon) => this.freeDisks(uuid, note, soon));
    this.notes.remove(uuid);
  }

  async freeDisks(uuid: string, { dir, disks, arriving }: LeaseNote, signal: AbortSignal): Promise<void> {
    const { hostId } = this.notes;
    const folder = this.options.open(dir);
    this.notes.checkFolder(dir, await folder.id(signal));
    for (const { key } of disks) {
      await folder.change(
        key,
        (current) => {
          if (current === undefined) return Promise.resolve(undefined);
          const change = freed(current, { hostId, uuid }, arriving);
          return Promise.resolve(change.do === 'write' ? change.record : undefined);
        },
        signal,
      );
    }
  }

  /** Changes all leases that are recorded for a guest. */
  async each(
    uuid: string,
    signal: AbortSignal,
    rule: (record: LeaseRecord, me: Holder, over: IsLeftover) => Change,
  ): Promise<void> {
    const note = this.notes.get(uuid);
    if (note === undefined) return;
    await this.within(signal, async (soon) => {
      for (const disk of note.disks) {
        if (disk.pending === true) continue;
        const me = await this.holder({ uuid, name: note.name }, disk, soon);
        await this.change(note.dir, disk, me, soon, (record, over) => rule(record, me, over));
      }
    });
  }

  async change(
    dir: string,
    disk: LockableDisk,
    me: Holder,
    signal: AbortSignal,
    rule: (record: LeaseRecord, over: IsLeftover) => Change,
  ): Promise<void> {
    await this.options.open(dir).change(
      disk.key,
      async (current) => {
        const record = current ?? freeLease(disk.disk);
        const left = await this.#leftovers(record, me, signal);
        const change = rule(record, (holder) => left.has(holder));
        if (change.do === 'refuse') throw inUse(disk, me, change.holder);
        return change.do === 'write' ? change.record : undefined;
      },
      signal,
    );
  }

  /** An arriving guest may hold the disk on its present host, and no other holder may exist. */
  async checkFree(dir: string, me: Holder, disk: LockableDisk, signal: AbortSignal): Promise<void> {
    const current = await this.options.open(dir).read(disk.key, signal);
    if (current === undefined) return;
    const left = await this.#leftovers(current.record, me, signal);
    const change = taken(current.record, me, (holder) => left.has(holder) || holder.uuid === me.uuid);
    if (change.do === 'refuse') throw inUse(disk, me, change.holder);
  }

  /** Holders on this host whose guests are not here: their leases were not released. */
  async #leftovers({ holders }: LeaseRecord, me: Holder, signal: AbortSignal): Promise<Set<Holder>> {
    const left = new Set<Holder>();
    for (const holder of holders) {
      if (holder.hostId !== me.hostId || isSame(holder, me)) continue;
      if (!(await this.options.isHere(holder.uuid, signal))) left.add(holder);
    }
    return left;
  }

  idOf(dir: string, signal: AbortSignal): Promise<string> {
    return this.options.open(dir).id(signal);
  }

  async holder(
    { uuid, name }: Pick<Domain, 'uuid' | 'name'>,
    { mode }: LockableDisk,
    signal: AbortSignal,
  ): Promise<Holder> {
    const { hostname, bootId } = this.options;
    const since = new Date().toISOString();
    const { hostId } = this.notes;
    const host = await hostname(signal);
    return { host, hostId, ...(bootId === undefined ? {} : { bootId }), uuid, name, mode, since };
  }

  async within<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using soon = new Deadline(signal, this.options.callMs, 'E_DEADLINE_LEASES', 'the leases of its disks');
    return await work(soon.signal);
  }
}
