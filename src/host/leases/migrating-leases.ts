import { Deadline } from '../../errors/deadline.js';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { claimed, keptOrTaken, offered, reclaimed, settled } from './lease-rules.js';
import type { LeaseTable } from './lease-table.js';

/** While it lasts a guest stands still that could run: no longer than this, in ms. */
const RECLAIM_MS = 5000;

/**
 * The leases of a migrating guest: offered by the source, claimed by the destination, and reclaimed if the migration
 * fails.
 */
export class MigratingLeases {
  readonly #later = new Set<Promise<void>>();

  constructor(private readonly table: LeaseTable) {}

  /**
   * Before a departure: allows the leases to be transferred by that migration. Throws if the records cannot be changed.
   */
  offer(uuid: string, migration: string, signal: AbortSignal): Promise<void> {
    return this.table.each(uuid, signal, (record, me) => offered(record, me, migration));
  }

  /**
   * The guest is here completely, and the source has released it: from now on its leases are ours. Nothing is decided
   * yet.
   * @throws RefusedError `E_REFUSED_LEASE`; SystemError `E_SYSTEM_LEASES`
   */
  claim(uuid: string, migration: string, signal: AbortSignal): Promise<void> {
    return this.table.each(uuid, signal, (record, me, over) => claimed(record, me, migration, over));
  }

  /**
   * The guest continues here, since the migration has failed and can no longer succeed.
   * @returns a problem that does not keep it from running: the lease then still names the destination, so no other host
   * can take it
   * @throws RefusedError `E_REFUSED_LEASE` if another guest has it
   */
  async reclaim(uuid: string, migration: string): Promise<string | undefined> {
    using soon = new Deadline(
      new AbortController().signal,
      Math.min(RECLAIM_MS, this.table.options.callMs),
      'E_DEADLINE_LEASES',
      'the leases',
    );
    try {
      await this.table.each(uuid, soon.signal, (record, me, over) => reclaimed(record, me, migration, over));
      return undefined;
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      return `its leases may still be in the destination's name: ${messageOf(error)}`;
    }
  }

  /**
   * Before a suspended guest is resumed manually: no other guest may have its leases.
   * @throws RefusedError `E_REFUSED_LEASE`
   */
  async check(uuid: string, signal: AbortSignal): Promise<void> {
    try {
      await this.table.each(uuid, signal, keptOrTaken);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RefusedError) throw error;
      this.table.options.log(`${uuid}: could not determine whether its leases are still its own: ${messageOf(error)}`);
    }
  }

  /** The guest has arrived for good. Does its work behind the caller's back: the guest runs already. */
  keep(uuid: string): void {
    const work = this.#keep(uuid).catch((error: unknown) => {
      this.table.options.log(`${uuid}: its leases still name where it came from: ${messageOf(error)}`);
    });
    this.#later.add(work);
    void work.then(() => this.#later.delete(work));
  }

  async #keep(uuid: string): Promise<void> {
    const note = this.table.notes.get(uuid);
    if (note?.arriving !== true) return;
    this.table.notes.put(uuid, { ...note, arriving: false });
    await this.table.each(uuid, new AbortController().signal, settled);
  }

  /** Resolves when nothing is being done any more. */
  async idle(): Promise<void> {
    while (this.#later.size > 0) await Promise.all(this.#later);
  }
}
