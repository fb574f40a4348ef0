import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import { messageOf } from '../../errors/message-of.js';
import type { GuestConfig } from '../../toolstack/toolstack.js';
import type { LifecycleParticipant, Reconnecting, Starting, Stopped } from '../participants/lifecycle-participant.js';
import { HotPlugLeases } from './hot-plug-leases.js';
import type { NotedDisk } from './lease-notes.js';
import { keptOrTaken } from './lease-rules.js';
import { LeaseTable, type LeasesOptions } from './lease-table.js';
import { lockableDisks } from './lockable-disks.js';
import { MigratingLeases } from './migrating-leases.js';

/** The feature by which a peer announces its folder of leases. */
export function leaseFeature(folderId: string): string {
  return `disk-leases/${folderId}`;
}

/**
 * Keeps two hosts from starting guests on one disk: a guest that may write to a disk needs its lease, from before the
 * start until the guest has ended, across the deaths of our own processes. A lease of a guest of this host that is not
 * here is a leftover, and is taken over; a lease of another host stays that host's, and only the operator can state
 * that it is dead.
 */
export class Leases implements LifecycleParticipant {
  readonly name = 'leases';
  /** Leases of hot-plugged disks. */
  readonly hotPlug: HotPlugLeases;
  /** Leases of migrating guests. */
  readonly migrating: MigratingLeases;
  readonly #table: LeaseTable;

  /** Throws the system's error if the state folder cannot be used. */
  constructor(options: LeasesOptions) {
    this.#table = new LeaseTable(options);
    this.hotPlug = new HotPlugLeases(this.#table);
    this.migrating = new MigratingLeases(this.#table);
  }

  /** The feature that a peer needs so that a guest of ours keeps its leases there; undefined if the guest has none. */
  needOf(uuid: string): string | undefined {
    const note = this.#table.notes.get(uuid);
    const id = note === undefined ? undefined : this.#table.notes.folderAt(note.dir);
    return id === undefined ? undefined : leaseFeature(id);
  }

  /** The feature that this host announces. Never rejects: undefined if the folder cannot be read. */
  async feature(signal: AbortSignal): Promise<string | undefined> {
    const { dir, log } = this.#table.options;
    if (dir === undefined) return undefined;
    try {
      return leaseFeature(
        this.#table.notes.folderAt(dir) ?? (await this.#table.within(signal, (soon) => this.#table.idOf(dir, soon))),
      );
    } catch (error) {
      log(`leases: ${messageOf(error)}`);
      return undefined;
    }
  }

  /**
   * Checks that the folder exists and is the one that this host knows.
   * @throws SystemError `E_SYSTEM_LEASES`; RefusedError `E_REFUSED_LEASE_FOLDER`
   */
  async checkReady(signal: AbortSignal): Promise<void> {
    const { dir } = this.#table.options;
    if (dir === undefined) return;
    await this.#table.within(signal, (soon) => this.#table.checkFolder(dir, soon));
  }

  /** Before a start: takes the leases. For an arriving guest: checks whether they could be taken. */
  async prepare({ domain, how, forceLease }: Starting, signal: AbortSignal): Promise<void> {
    const { dir } = this.#table.options;
    const { uuid, name } = domain;
    if (dir === undefined) return;
    const disks = await lockableDisks(domain);
    // Leases of a run whose end was not seen; the definition may have fewer disks since.
    await this.#table.free(uuid, signal);
    if (disks.length === 0) return;
    await this.#table.within(signal, async (soon) => {
      await this.#table.checkFolder(dir, soon);
      this.#table.notes.put(uuid, { version: 1, dir, name, disks: [...disks], arriving: how === 'migrated' });
      for (const disk of disks) {
        const me = await this.#table.holder(domain, disk, soon);
        if (how === 'migrated') await this.#table.checkFree(dir, me, disk, soon);
        else await this.#table.take(dir, disk, me, { force: forceLease === true }, soon);
      }
    });
  }

  /** After a daemon's restart: normally its leases still exist. */
  async reconnect({ domain }: Reconnecting, signal: AbortSignal): Promise<void> {
    const { dir, log } = this.#table.options;
    if (dir === undefined) return;
    try {
      // Further leases of it are kept: a disk that is not listed now may still be in use. The toolstack may
      // not report which are shared.
      const note = this.#table.notes.get(domain.uuid);
      if (note !== undefined && note.dir !== dir) {
        log(`${domain.name}: its leases stay in ${note.dir} until it ends: \`lease_dir\` is ${dir} now`);
        return;
      }
      const seen = await lockableDisks(domain);
      const has = new Set(seen.map(({ key }) => key));
      // A lease that was being taken, and exists, is taken.
      const noted = (note?.disks ?? []).map((disk) => (has.has(disk.key) ? { ...disk, pending: false } : disk));
      const known = new Set(noted.map(({ key }) => key));
      const disks: NotedDisk[] = [...noted, ...seen.filter(({ key }) => !known.has(key))];
      if (disks.length === 0) return;
      await this.#table.within(signal, async (soon) => {
        await this.#table.checkFolder(dir, soon);
        this.#table.notes.put(domain.uuid, { version: 1, dir, name: domain.name, disks, arriving: false });
        for (const disk of disks) {
          if (disk.pending === true) continue;
          const me = await this.#table.holder(domain, disk, soon);
          await this.#table.change(dir, disk, me, soon, (record, over) => keptOrTaken(record, me, over));
        }
      });
    } catch (error) {
      // It runs, and destroying it would not undo its writes.
      log(`${domain.name}: RUNS WITHOUT ITS LEASE: ${messageOf(error)}`);
    }
  }

  /**
   * A guest's configuration with `<shareable/>` at the disks that it shares, which libxl does not report for a running
   * guest: its next host would take them exclusively. @throws DeadlineError `E_DEADLINE_LEASES`; the signal's reason
   */
  async withShared(config: GuestConfig, signal: AbortSignal): Promise<GuestConfig> {
    const { domain } = config;
    const shared = new Set(
      this.#table.notes.get(domain.uuid)?.disks.flatMap(({ key, mode }) => (mode === 'shared' ? [key] : [])),
    );
    if (shared.size === 0) return config;
    const { definition } = readDefinition(domain, { lenient: true });
    const devices = await Promise.all(
      definition.devices.map(async (device) => {
        if (device.kind !== 'disk' || device.shareable) return device;
        const key = (await this.#table.lockable(device, signal))?.key;
        return key !== undefined && shared.has(key) ? { ...device, shareable: true } : device;
      }),
    );
    return { ...config, domain: toDomain({ ...definition, devices }) };
  }

  release({ uuid }: Stopped): Promise<void> {
    return this.#table.free(uuid, new AbortController().signal);
  }

  /** Guests with records of leases here; those that are no longer on this host are leftovers. */
  noted(): { readonly uuid: string; readonly name: string }[] {
    return this.#table.notes.uuids().map((uuid) => ({ uuid, name: this.#table.notes.get(uuid)?.name ?? uuid }));
  }

  /** Releases the leases of a guest that is not here. The caller holds its job and has checked that. */
  forget(uuid: string, signal: AbortSignal): Promise<void> {
    return this.#table.free(uuid, signal);
  }

  /** Resolves when no work is pending. */
  async idle(): Promise<void> {
    await this.migrating.idle();
  }
}
