import { describe, expect, it } from 'vitest';
import type { Holder, LeaseRecord } from '../../../../src/host/leases/lease-record.js';
import {
  claimed,
  freed,
  freeLease,
  offered,
  reclaimed,
  settled,
  taken,
  type Change,
} from '../../../../src/host/leases/lease-rules.js';

const GUEST = '00000000-0000-4000-9000-000000000001';
const OTHER = '00000000-0000-4000-9000-000000000002';
const MIGRATION = '00000000-0000-4000-a000-000000000001';
const LATER = '00000000-0000-4000-a000-000000000002';

function holder(host: number, uuid = GUEST, more: Partial<Holder> = {}): Holder {
  return {
    host: `hv${host}`,
    hostId: `00000000-0000-4000-8000-00000000000${host}`,
    uuid,
    name: 'web1',
    mode: 'exclusive',
    since: '2026-11-23T10:00:00.000Z',
    ...more,
  };
}
const source = holder(1);
const dest = holder(2);
const nobody = (): boolean => false;
const of = (...holders: Holder[]): LeaseRecord => ({ ...freeLease('/srv/a.img'), holders });

function written(change: Change): LeaseRecord {
  if (change.do !== 'write') throw new Error(`nothing written: ${change.do}`);
  return change.record;
}

describe('what becomes of a lease', () => {
  it('in a migration that arrives: offered, claimed, kept, and of no matter to the source any more', () => {
    const held = written(taken(of(), source, nobody));
    const onOffer = written(offered(held, source, MIGRATION));
    const there = written(claimed(onOffer, dest, MIGRATION, nobody));
    expect(there.holders).toEqual([{ ...dest, arriving: { migration: MIGRATION, from: source } }]);
    expect(written(settled(there, dest)).holders).toEqual([dest]);
    expect(freed(there, source, false)).toEqual({ do: 'nothing' });
  });

  it('in one that fails goes back, by whichever side comes first', () => {
    const there = written(claimed(of({ ...source, offered: MIGRATION }), dest, MIGRATION, nobody));
    expect(written(freed(there, dest, true)).holders).toEqual([source]);
    expect(written(reclaimed(there, source, MIGRATION, nobody)).holders).toEqual([source]);
    expect(reclaimed(of(source), source, MIGRATION, nobody)).toEqual({ do: 'nothing' });
    expect(written(reclaimed(of({ ...source, offered: MIGRATION }), source, MIGRATION, nobody)).holders).toEqual([
      source,
    ]);
  });

  it('cannot be claimed without the offer for that very migration, nor once the source has taken it back', () => {
    expect(claimed(of(source), dest, MIGRATION, nobody)).toEqual({ do: 'refuse', holder: source });
    const later = { ...source, offered: LATER };
    expect(claimed(of(later), dest, MIGRATION, nobody)).toEqual({ do: 'refuse', holder: later });
    const back = written(reclaimed(of({ ...source, offered: MIGRATION }), source, MIGRATION, nobody));
    expect(claimed(back, dest, MIGRATION, nobody)).toMatchObject({ do: 'refuse' });
    // A destination that has settled keeps it, whatever a source believes.
    expect(reclaimed(of(dest), source, MIGRATION, nobody)).toEqual({ do: 'refuse', holder: dest });
  });

  it('is the same where a change is asked for twice: its answer may have been lost', () => {
    const twice = (record: LeaseRecord, rule: (now: LeaseRecord) => Change): void => {
      const once = written(rule(record));
      const again = rule(once);
      expect(again.do === 'write' ? again.record : once).toEqual(once);
    };
    twice(of(), (now) => taken(now, source, nobody));
    twice(of(source), (now) => offered(now, source, MIGRATION));
    twice(of({ ...source, offered: MIGRATION }), (now) => claimed(now, dest, MIGRATION, nobody));
    const there = written(claimed(of({ ...source, offered: MIGRATION }), dest, MIGRATION, nobody));
    twice(there, (now) => reclaimed(now, source, MIGRATION, nobody));
    twice(there, (now) => settled(now, dest));
    twice(there, (now) => freed(now, dest, true));
  });

  it('that is shared is shared with those who share, and moves alone', () => {
    const mine = holder(1, GUEST, { mode: 'shared' });
    const theirs = holder(3, OTHER, { mode: 'shared' });
    const both = written(taken(of(theirs), mine, nobody));
    expect(both.holders).toEqual([theirs, mine]);
    expect(taken(of(theirs), source, nobody)).toEqual({ do: 'refuse', holder: theirs });
    expect(taken(of(source), theirs, nobody)).toEqual({ do: 'refuse', holder: source });
    const there = holder(2, GUEST, { mode: 'shared' });
    const moved = written(claimed(written(offered(both, mine, MIGRATION)), there, MIGRATION, nobody));
    expect(moved.holders.map(({ host }) => host)).toEqual(['hv3', 'hv2']);
    expect(written(freed(moved, there, true)).holders.map(({ host }) => host)).toEqual(['hv3', 'hv1']);
  });

  it('of a leftover is nobody’s', () => {
    expect(written(taken(of(dest), source, (one) => one === dest)).holders).toEqual([source]);
  });
});
