import type { Holder, LeaseRecord } from './lease-record.js';

/** A change of a record, or the holder that prevents it. */
export type Change =
  | { readonly do: 'write'; readonly record: LeaseRecord }
  | { readonly do: 'nothing' }
  | { readonly do: 'refuse'; readonly holder: Holder };

/** The record of a disk without any holder. */
export function freeLease(disk: string): LeaseRecord {
  return { version: 1, disk, holders: [] };
}

/** Whether both are the same guest on the same host, in whichever run. */
export function isSame(one: Pick<Holder, 'hostId' | 'uuid'>, other: Pick<Holder, 'hostId' | 'uuid'>): boolean {
  return one.hostId === other.hostId && one.uuid === other.uuid;
}

/**
 * `me` takes the disk, unless another holder that is not `over` prevents it. Always a new record: the epoch shows which
 * was the last.
 */
export function taken(record: LeaseRecord, me: Holder, over: (holder: Holder) => boolean): Change {
  const others = record.holders.filter((holder) => !isSame(holder, me) && !over(holder));
  const against = others.find(({ mode }) => mode === 'exclusive' || me.mode === 'exclusive');
  if (against !== undefined) return { do: 'refuse', holder: against };
  return write(record, [...others, me]);
}

/** `me` keeps the disk if it holds it, or takes it. */
export function keptOrTaken(record: LeaseRecord, me: Holder, over: (holder: Holder) => boolean): Change {
  return record.holders.some((holder) => isSame(holder, me)) ? { do: 'nothing' } : taken(record, me, over);
}

/** The migration may transfer `me`'s lease. */
export function offered(record: LeaseRecord, me: Holder, migration: string): Change {
  if (!record.holders.some((holder) => isSame(holder, me))) return { do: 'nothing' };
  return write(
    record,
    record.holders.map((holder) => (isSame(holder, me) ? { ...holder, offered: migration } : holder)),
  );
}

/**
 * The guest has arrived at `me` completely, and the source has released it: its lease is transferred, if it was
 * offered.
 */
export function claimed(record: LeaseRecord, me: Holder, migration: string, over: (holder: Holder) => boolean): Change {
  // Every rule may be applied again after its own change: on NFS the reply to a successful change can get lost.
  if (record.holders.some((holder) => isSame(holder, me) && holder.arriving?.migration === migration)) {
    return { do: 'nothing' };
  }
  const from = record.holders.find((holder) => holder.uuid === me.uuid && holder.hostId !== me.hostId);
  const mayTake = (holder: Holder): boolean => (holder === from && holder.offered === migration) || over(holder);
  const arriving = { migration, ...(from === undefined ? {} : { from: plain(from) }) };
  return taken(record, { ...me, arriving }, mayTake);
}

/** The migration has failed, and the copy there is gone: `me` continues. */
export function reclaimed(
  record: LeaseRecord,
  me: Holder,
  migration: string,
  over: (holder: Holder) => boolean,
): Change {
  const mine = record.holders.find((holder) => isSame(holder, me));
  if (mine !== undefined && mine.offered === undefined) return { do: 'nothing' };
  const mayTake = (holder: Holder): boolean => holder.arriving?.migration === migration || over(holder);
  return taken(record, mine === undefined ? me : plain(mine), mayTake);
}

/** `me` keeps the lease that was transferred. */
export function settled(record: LeaseRecord, me: Holder): Change {
  const mine = record.holders.find((holder) => isSame(holder, me));
  if (mine?.arriving === undefined) return { do: 'nothing' };
  return write(
    record,
    record.holders.map((holder) => (holder === mine ? plain(holder) : holder)),
  );
}

/** `me` has ended. A lease transferred by a migration that failed goes back. */
export function freed(record: LeaseRecord, me: Pick<Holder, 'hostId' | 'uuid'>, givesBack: boolean): Change {
  const mine = record.holders.find((holder) => isSame(holder, me));
  if (mine === undefined) return { do: 'nothing' };
  const from = givesBack ? mine.arriving?.from : undefined;
  const others = record.holders.filter((holder) => holder !== mine);
  return write(record, from === undefined ? others : [...others, from]);
}

function plain({ offered: _offered, arriving: _arriving, ...rest }: Holder): Holder {
  return rest;
}

function write(record: LeaseRecord, holders: Holder[]): Change {
  return { do: 'write', record: { ...record, holders } };
}
