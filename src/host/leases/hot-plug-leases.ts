import type { Disk } from '../../domain/definition/devices/disk.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError } from '../../errors/errors.js';
import type { NotedDisk } from './lease-notes.js';
import type { Holder, LeaseRecord } from './lease-record.js';
import { otherFolder } from './lease-refusals.js';
import { isSame } from './lease-rules.js';
import type { LeaseTable } from './lease-table.js';
import type { LockableDisk } from './lockable-disks.js';

/** The leases of disks that a running guest gains and loses. */
export class HotPlugLeases {
  constructor(private readonly table: LeaseTable) {}

  /**
   * Takes the lease of a disk that a running guest is about to get, whatever this host's records contain. If it is
   * refused, the guest keeps the leases that it had.
   * @param force the operator states that the present holder is dead
   * @throws RefusedError `E_REFUSED_LEASE`, `E_REFUSED_LEASE_FOLDER`; SystemError `E_SYSTEM_LEASES`
   */
  async take(guest: Pick<Domain, 'uuid' | 'name'>, disk: Disk, force: boolean, signal: AbortSignal): Promise<void> {
    const { notes, options } = this.table;
    const { dir } = options;
    const { uuid, name } = guest;
    if (dir === undefined) return;
    const lockable = await this.table.lockable(disk, signal);
    if (lockable === undefined) return;
    const before = notes.get(uuid);
    if (before !== undefined && before.dir !== dir) throw otherFolder(name, before.dir, dir);
    const others = (before?.disks ?? []).filter(({ key }) => key !== lockable.key);
    const noted = before?.disks.find(({ key }) => key === lockable.key);
    const had = noted?.pending === true ? undefined : noted;
    // A disk that it holds exclusively by another name stays exclusive.
    const wanted: LockableDisk = had?.mode === 'exclusive' ? { ...lockable, mode: 'exclusive' } : lockable;
    const note = (disk: NotedDisk): void => {
      notes.put(uuid, { version: 1, dir, name, disks: [...others, disk], arriving: before?.arriving ?? false });
    };
    await this.table.within(signal, async (soon) => {
      await this.table.checkFolder(dir, soon);
      const me = await this.table.holder(guest, wanted, soon);
      if (noted === undefined) note({ ...wanted, pending: true });
      try {
        await this.table.take(dir, wanted, me, { force, suffices: hasAlready }, soon);
      } catch (error) {
        // A refusal took nothing; after any other failure that is unknown, and the pending lease is released in time.
        if (error instanceof RefusedError && noted === undefined) this.table.forgetDisk(uuid, wanted.key);
        throw error;
      }
      note(wanted);
    });
  }

  /**
   * Releases the lease of a disk that a running guest has lost, unless the guest has the same disk by another name.
   * @param left the disks that it still has
   * @throws SystemError `E_SYSTEM_LEASES`; DeadlineError `E_DEADLINE_LEASES`
   */
  async drop(uuid: string, disk: Disk, left: readonly Disk[], signal: AbortSignal): Promise<void> {
    const { notes } = this.table;
    const note = notes.get(uuid);
    const lockable = await this.table.lockable(disk, signal);
    // A disk that now has another name keeps its lease: the end of the guest releases a surplus lease.
    const noted = note?.disks.find(({ key }) => key === lockable?.key);
    if (note === undefined || noted === undefined) return;
    for (const other of left) if ((await this.table.lockable(other, signal))?.key === noted.key) return;
    const disks = note.disks.map((one) => (one === noted ? { ...one, pending: true } : one));
    notes.put(uuid, { ...note, disks });
    await this.table.within(signal, (soon) => this.table.freeDisks(uuid, { ...note, disks: [noted] }, soon));
    this.table.forgetDisk(uuid, noted.key);
  }
}

function hasAlready(record: LeaseRecord, me: Holder): boolean {
  const mine = record.holders.find((holder) => isSame(holder, me));
  return mine?.mode === 'exclusive' || mine?.mode === me.mode;
}
