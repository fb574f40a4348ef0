import { join } from 'node:path';
import type { Disk } from '../../domain/definition/devices/disk.js';
import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import { Deadline, orAborted } from '../../errors/deadline.js';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';
import type { LifecycleParticipant, Reconnecting, Starting, Stopped } from '../participants/lifecycle-participant.js';
import type { LeaseFolder } from './lease-folder.js';
import { LeaseNotes, type LeaseNote, type NotedDisk } from './lease-notes.js';
import type { Holder, LeaseRecord } from './lease-record.js';
import { claimed, freed, freeLease, isSame, offered, reclaimed, settled, taken, type Change } from './lease-rules.js';
import { lockableDisk, lockableDisks, type LockableDisk } from './lockable-disks.js';

/** Where leases are kept: a `LeaseFolder`. */
export type LeaseStore = Pick<LeaseFolder, 'id' | 'read' | 'change'>;

export interface LeasesOptions {
  /** Folder that all hosts share that share disks; undefined: no leases are taken, but those that were are let go. */
  readonly dir: string | undefined;
  readonly open: (dir: string) => LeaseStore;
  /** For notes of this host's own. */
  readonly stateDir: string;
  /** This host's name, for people. */
  readonly hostname: (signal: AbortSignal) => Promise<string>;
  readonly bootId: string | undefined;
  /** Whether a guest is on this host, or somebody here is at work on it. */
  readonly isHere: (uuid: string, signal: AbortSignal) => Promise<boolean>;
  /** Longest wait for the folder, in ms. */
  readonly callMs: number;
  readonly log: (line: string) => void;
}

/** While it lasts a guest stands still that could run: no longer than this, in ms. */
const RECLAIM_MS = 5000;

/** Names a folder of leases among the features of a peer. */
export function leaseFeature(folderId: string): string {
  return `disk-leases/${folderId}`;
}

/**
 * Keeps two hosts from starting guests on one disk: who wants to write to it needs its lease, from before the start until the
 * guest has ended, across the deaths of our own processes. A lease of a guest of this host that is not here is a leftover, and taken
 * over; one of another host is that host's, and only a person can say that it is dead.
 */
export class Leases implements LifecycleParticipant {
  readonly name = 'leases';
  readonly #notes: LeaseNotes;
  readonly #later = new Set<Promise<void>>();

  /** Throws the system's error where the state folder cannot be used. */
  constructor(private readonly options: LeasesOptions) {
    this.#notes = new LeaseNotes(join(options.stateDir, 'leases'));
  }

  /** What a peer has to offer so that a guest of ours keeps its leases there; undefined where it has none, or they are of no matter. */
  needOf(uuid: string): string | undefined {
    const note = this.#notes.get(uuid);
    const id = note === undefined ? undefined : this.#notes.folderAt(note.dir);
    return id === undefined ? undefined : leaseFeature(id);
  }

  /** What we have to offer ourselves. Never rejects: who cannot say it has nothing to offer. */
  async feature(signal: AbortSignal): Promise<string | undefined> {
    const { dir, log } = this.options;
    if (dir === undefined) return undefined;
    try {
      return leaseFeature(this.#notes.folderAt(dir) ?? (await this.#within(signal, (soon) => this.#idOf(dir, soon))));
    } catch (error) {
      log(`leases: ${messageOf(error)}`);
      return undefined;
    }
  }

  /**
   * Sees to it that the folder is there, and is the one that this host knows.
   * @throws SystemError `E_SYSTEM_LEASES`; RefusedError `E_REFUSED_LEASE_FOLDER`
   */
  async checkReady(signal: AbortSignal): Promise<void> {
    const { dir } = this.options;
    if (dir === undefined) return;
    await this.#within(signal, async (soon) => this.#notes.checkFolder(dir, await this.#idOf(dir, soon)));
  }

  /** Before a start: takes the leases. For a guest that comes in: sees whether they could be taken. */
  async prepare({ domain, how, forceLease }: Starting, signal: AbortSignal): Promise<void> {
    const { dir, log } = this.options;
    const { uuid, name } = domain;
    if (dir === undefined) return;
    const disks = await lockableDisks(domain);
    // Of a run whose end nobody has seen; a disk less may be in the definition since.
    await this.#free(uuid, signal);
    if (disks.length === 0) return;
    await this.#within(signal, async (soon) => {
      this.#notes.checkFolder(dir, await this.#idOf(dir, soon));
      this.#notes.put(uuid, { version: 1, dir, name, disks: [...disks], arriving: how === 'migrated' });
      for (const disk of disks) {
        const me = await this.#holder(domain, disk, soon);
        if (how === 'migrated') await this.#checkFree(dir, me, disk, soon);
        else {
          await this.#change(dir, disk, me, soon, (record, over) => {
            const change = taken(record, me, over);
            if (change.do !== 'refuse' || forceLease !== true) return change;
            log(`${name}: the lease of ${disk.disk} is taken by force from ${holderText(change.holder)}`);
            return taken({ ...record, holders: [] }, me, over);
          });
        }
      }
    });
  }

  /** It was found running by a new process: normally its leases are there. */
  async reconnect({ domain }: Reconnecting, signal: AbortSignal): Promise<void> {
    const { dir, log } = this.options;
    if (dir === undefined) return;
    try {
      // What it may have beside these goes with it: of a disk that is not seen now nobody knows that it is not used. The toolstack may
      // not say which are shared.
      const note = this.#notes.get(domain.uuid);
      if (note !== undefined && note.dir !== dir) {
        log(`${domain.name}: its leases stay in ${note.dir} until it ends: \`lease_dir\` is ${dir} now`);
        return;
      }
      const seen = await lockableDisks(domain);
      const has = new Set(seen.map(({ key }) => key));
      // One that was being taken, and is there after all, is taken.
      const noted = (note?.disks ?? []).map((disk) => (has.has(disk.key) ? { ...disk, pending: false } : disk));
      const known = new Set(noted.map(({ key }) => key));
      const disks: NotedDisk[] = [...noted, ...seen.filter(({ key }) => !known.has(key))];
      if (disks.length === 0) return;
      await this.#within(signal, async (soon) => {
        this.#notes.checkFolder(dir, await this.#idOf(dir, soon));
        this.#notes.put(domain.uuid, { version: 1, dir, name: domain.name, disks, arriving: false });
        for (const disk of disks) {
          if (disk.pending === true) continue;
          const me = await this.#holder(domain, disk, soon);
          await this.#change(dir, disk, me, soon, (record, over) => keepOrTake(record, me, over));
        }
      });
    } catch (error) {
      // It runs, and ending it would not undo what has been written.
      log(`${domain.name}: RUNS WITHOUT ITS LEASE: ${messageOf(error)}`);
    }
  }

  /**
   * A running guest is about to get a disk: takes its lease, whatever this host remembers of it. Where it is refused, the guest has the
   * leases that it had.
   * @param force a person says that whoever has the disk is dead
   * @throws RefusedError `E_REFUSED_LEASE`, `E_REFUSED_LEASE_FOLDER`; SystemError `E_SYSTEM_LEASES`
   */
  async takeDisk(guest: Pick<Domain, 'uuid' | 'name'>, disk: Disk, force: boolean, signal: AbortSignal): Promise<void> {
    const { dir, log } = this.options;
    const { uuid, name } = guest;
    if (dir === undefined) return;
    const lockable = await this.#lockable(disk, signal);
    if (lockable === undefined) return;
    const before = this.#notes.get(uuid);
    if (before !== undefined && before.dir !== dir) throw otherFolder(name, before.dir, dir);
    const others = (before?.disks ?? []).filter(({ key }) => key !== lockable.key);
    const noted = before?.disks.find(({ key }) => key === lockable.key);
    const had = noted?.pending === true ? undefined : noted;
    // What it has alone by another name it goes on having alone.
    const wanted: LockableDisk = had?.mode === 'exclusive' ? { ...lockable, mode: 'exclusive' } : lockable;
    const note = (disk: NotedDisk): void => {
      this.#notes.put(uuid, { version: 1, dir, name, disks: [...others, disk], arriving: before?.arriving ?? false });
    };
    await this.#within(signal, async (soon) => {
      this.#notes.checkFolder(dir, await this.#idOf(dir, soon));
      const me = await this.#holder(guest, wanted, soon);
      if (noted === undefined) note({ ...wanted, pending: true });
      try {
        await this.#change(dir, wanted, me, soon, (record, over) => {
          const mine = record.holders.find((holder) => isSame(holder, me));
          if (mine?.mode === 'exclusive' || mine?.mode === me.mode) return { do: 'nothing' };
          const change = taken(record, me, over);
          if (change.do !== 'refuse' || !force) return change;
          log(`${name}: the lease of ${wanted.disk} is taken by force from ${holderText(change.holder)}`);
          return taken({ ...record, holders: [] }, me, over);
        });
      } catch (error) {
        // Of a refusal it is known that nothing was taken; of anything else it is not, and what is pending is let go in time.
        if (error instanceof RefusedError && noted === undefined) this.#forgetDisk(uuid, wanted.key);
        throw error;
      }
      note(wanted);
    });
  }

  /**
   * A running guest has lost a disk: lets go of its lease, unless the guest has the same disk by another name.
   * @param left the disks that it has still
   * @throws SystemError `E_SYSTEM_LEASES`; DeadlineError `E_DEADLINE_LEASES`
   */
  async dropDisk(uuid: string, disk: Disk, left: readonly Disk[], signal: AbortSignal): Promise<void> {
    const note = this.#notes.get(uuid);
    const lockable = await this.#lockable(disk, signal);
    // What is reached by another name than it was when it was taken stays: a lease too many goes with its guest.
    const noted = note?.disks.find(({ key }) => key === lockable?.key);
    if (note === undefined || noted === undefined) return;
    for (const other of left) if ((await this.#lockable(other, signal))?.key === noted.key) return;
    const disks = note.disks.map((one) => (one === noted ? { ...one, pending: true } : one));
    this.#notes.put(uuid, { ...note, disks });
    await this.#within(signal, (soon) => this.#freeDisks(uuid, { ...note, disks: [noted] }, soon));
    this.#forgetDisk(uuid, noted.key);
  }

  /** A disk's name, from a share that may not answer. */
  #lockable(disk: Disk, signal: AbortSignal): Promise<LockableDisk | undefined> {
    return this.#within(signal, (soon) => orAborted(lockableDisk(disk), soon));
  }

  #forgetDisk(uuid: string, key: string): void {
    const note = this.#notes.get(uuid);
    if (note === undefined) return;
    const disks = note.disks.filter((one) => one.key !== key);
    if (disks.length === 0) this.#notes.remove(uuid);
    else this.#notes.put(uuid, { ...note, disks });
  }

  /**
   * A guest's configuration with `<shareable/>` at the disks that it shares, which libxl cannot say of one that runs: whoever has it
   * next would want them alone. @throws DeadlineError `E_DEADLINE_LEASES`; the signal's reason
   */
  async withShared(config: GuestConfig, signal: AbortSignal): Promise<GuestConfig> {
    const { domain } = config;
    const shared = new Set(
      this.#notes.get(domain.uuid)?.disks.flatMap(({ key, mode }) => (mode === 'shared' ? [key] : [])),
    );
    if (shared.size === 0) return config;
    const { definition } = readDefinition(domain, { lenient: true });
    const devices = await Promise.all(
      definition.devices.map(async (device) => {
        if (device.kind !== 'disk' || device.shareable) return device;
        const key = (await this.#lockable(device, signal))?.key;
        return key !== undefined && shared.has(key) ? { ...device, shareable: true } : device;
      }),
    );
    return { ...config, domain: toDomain({ ...definition, devices }) };
  }

  release({ uuid }: Stopped): Promise<void> {
    return this.#free(uuid, new AbortController().signal);
  }

  /** The guest is about to leave: its leases may go along with that migration. Throws where they cannot be told of it. */
  offer(uuid: string, migration: string, signal: AbortSignal): Promise<void> {
    return this.#each(uuid, signal, (record, me) => offered(record, me, migration));
  }

  /**
   * The guest is here whole, and the source has let go of it: from now on its leases are ours. Nothing is decided yet.
   * @throws RefusedError `E_REFUSED_LEASE`; SystemError `E_SYSTEM_LEASES`
   */
  claim(uuid: string, migration: string, signal: AbortSignal): Promise<void> {
    return this.#each(uuid, signal, (record, me, over) => claimed(record, me, migration, over));
  }

  /**
   * The guest goes on here, since the migration has failed and can no longer come about.
   * @returns what went wrong that does not keep it from running: the lease says then that it is the destination's, so nobody has it
   * @throws RefusedError `E_REFUSED_LEASE` where another has it
   */
  async reclaim(uuid: string, migration: string): Promise<string | undefined> {
    using soon = new Deadline(
      new AbortController().signal,
      Math.min(RECLAIM_MS, this.options.callMs),
      'E_DEADLINE_LEASES',
      'the leases',
    );
    try {
      await this.#each(uuid, soon.signal, (record, me, over) => reclaimed(record, me, migration, over));
      return undefined;
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      return `its leases may still be in the destination's name: ${messageOf(error)}`;
    }
  }

  /**
   * A guest that stood still is about to run on by hand: nobody else may have its leases.
   * @throws RefusedError `E_REFUSED_LEASE`
   */
  async check(uuid: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#each(uuid, signal, keepOrTake);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RefusedError) throw error;
      this.options.log(`${uuid}: whether its leases are still its own is not known: ${messageOf(error)}`);
    }
  }

  /** The guest has arrived for good. Does its work behind the caller's back: the guest runs already. */
  keep(uuid: string): void {
    const work = this.#keep(uuid).catch((error: unknown) => {
      this.options.log(`${uuid}: its leases still name where it came from: ${messageOf(error)}`);
    });
    this.#later.add(work);
    void work.then(() => this.#later.delete(work));
  }

  async #keep(uuid: string): Promise<void> {
    const note = this.#notes.get(uuid);
    if (note?.arriving !== true) return;
    this.#notes.put(uuid, { ...note, arriving: false });
    await this.#each(uuid, new AbortController().signal, settled);
  }

  /** Guests that have notes of leases here; those that are not on this host any more are leftovers. */
  noted(): { readonly uuid: string; readonly name: string }[] {
    return this.#notes.uuids().map((uuid) => ({ uuid, name: this.#notes.get(uuid)?.name ?? uuid }));
  }

  /** Lets go of what a guest has that is not here. The caller holds its job and has looked. */
  forget(uuid: string, signal: AbortSignal): Promise<void> {
    return this.#free(uuid, signal);
  }

  /** Resolves when nothing is being done any more. */
  async idle(): Promise<void> {
    while (this.#later.size > 0) await Promise.all(this.#later);
  }

  async #free(uuid: string, signal: AbortSignal): Promise<void> {
    const note = this.#notes.get(uuid);
    if (note === undefined) return;
    await this.#within(signal, (soon) => this.#freeDisks(uuid, note, soon));
    this.#notes.remove(uuid);
  }

  async #freeDisks(uuid: string, { dir, disks, arriving }: LeaseNote, signal: AbortSignal): Promise<void> {
    const { hostId } = this.#notes;
    const folder = this.options.open(dir);
    this.#notes.checkFolder(dir, await folder.id(signal));
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

  /** Changes all leases that are noted of a guest. */
  async #each(
    uuid: string,
    signal: AbortSignal,
    rule: (record: LeaseRecord, me: Holder, over: (holder: Holder) => boolean) => Change,
  ): Promise<void> {
    const note = this.#notes.get(uuid);
    if (note === undefined) return;
    await this.#within(signal, async (soon) => {
      for (const disk of note.disks) {
        if (disk.pending === true) continue;
        const me = await this.#holder({ uuid, name: note.name }, disk, soon);
        await this.#change(note.dir, disk, me, soon, (record, over) => rule(record, me, over));
      }
    });
  }

  async #change(
    dir: string,
    disk: LockableDisk,
    me: Holder,
    signal: AbortSignal,
    rule: (record: LeaseRecord, over: (holder: Holder) => boolean) => Change,
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

  /** A guest that comes in may have the disk where it is now, and nobody else. */
  async #checkFree(dir: string, me: Holder, disk: LockableDisk, signal: AbortSignal): Promise<void> {
    const current = await this.options.open(dir).read(disk.key, signal);
    if (current === undefined) return;
    const left = await this.#leftovers(current.record, me, signal);
    const change = taken(current.record, me, (holder) => left.has(holder) || holder.uuid === me.uuid);
    if (change.do === 'refuse') throw inUse(disk, me, change.holder);
  }

  /** Holders on this host whose guests are not here: nobody has cleaned up behind them. */
  async #leftovers({ holders }: LeaseRecord, me: Holder, signal: AbortSignal): Promise<Set<Holder>> {
    const left = new Set<Holder>();
    for (const holder of holders) {
      if (holder.hostId !== me.hostId || isSame(holder, me)) continue;
      if (!(await this.options.isHere(holder.uuid, signal))) left.add(holder);
    }
    return left;
  }

  #idOf(dir: string, signal: AbortSignal): Promise<string> {
    return this.options.open(dir).id(signal);
  }

  async #holder(
    { uuid, name }: Pick<Domain, 'uuid' | 'name'>,
    { mode }: LockableDisk,
    signal: AbortSignal,
  ): Promise<Holder> {
    const { hostname, bootId } = this.options;
    const since = new Date().toISOString();
    const { hostId } = this.#notes;
    const host = await hostname(signal);
    return { host, hostId, ...(bootId === undefined ? {} : { bootId }), uuid, name, mode, since };
  }

  async #within<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using soon = new Deadline(signal, this.options.callMs, 'E_DEADLINE_LEASES', 'the leases of its disks');
    return await work(soon.signal);
  }
}

function keepOrTake(record: LeaseRecord, me: Holder, over: (holder: Holder) => boolean): Change {
  return record.holders.some((holder) => isSame(holder, me)) ? { do: 'nothing' } : taken(record, me, over);
}

function holderText({ name, uuid, host, since }: Holder): string {
  return `${name} (${uuid}) on ${host}, since ${since}`;
}

function otherFolder(name: string, had: string, now: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_LEASE_FOLDER',
    `the leases of domain ${name} are in ${had}, and \`lease_dir\` is ${now} now`,
    { hint: 'Set `lease_dir` back, or start the domain anew.', data: { had, now } },
  );
}

function inUse({ disk }: LockableDisk, me: Holder, holder: Holder): RefusedError {
  const { name, host } = holder;
  const stop =
    holder.uuid === me.uuid
      ? `It runs on ${host}: \`xenferry migrate\` moves it from there.`
      : `Stop ${name} on ${host}, or let both have it as <shareable/>.`;
  return new RefusedError('E_REFUSED_LEASE', `disk ${disk} of ${me.name} is in use by ${holderText(holder)}`, {
    hint:
      holder.hostId === me.hostId
        ? stop
        : `${stop} If ${host} is dead for good, --force-lease takes the disk from it: if ${name} runs there after all, both write to the disk and destroy it.`,
    data: { disk, holder: name, uuid: holder.uuid, host, since: holder.since },
  });
}
