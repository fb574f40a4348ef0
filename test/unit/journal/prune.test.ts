import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../src/journal/journal-text.js';
import { prunable } from '../../../src/journal/prune.js';
import type { JournalSide, JournalState } from '../../../src/journal/records.js';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-23T00:00:00.000Z');
const KEEP = { maxAgeMs: 30 * DAY_MS, maxCount: 3 };

function entry(
  side: JournalSide,
  state: JournalState['state'] | undefined,
  days: number,
  more: { epoch?: number; uuid?: string; confirmed?: true } = {},
): JournalEntry {
  const at = new Date(NOW - days * DAY_MS).toISOString();
  const { epoch = 1, uuid = randomUUID(), ...rest } = more;
  return {
    header: { journal: 1, side, migration: randomUUID(), epoch, uuid, name: 'web', peer: 'b', startedAt: at },
    state: state === undefined ? undefined : { state, at, ...rest },
  };
}

describe('which journals may go', () => {
  it.each([
    ['source', 'released', {}],
    ['source', 'retained', {}],
    ['dest', 'refused', {}],
    ['dest', 'activated', { confirmed: true }],
  ] as const)('%s %s %j: after its time', (side, state, more) => {
    const old = entry(side, state, 31, more);
    expect(prunable([old, entry(side, state, 29, more)], NOW, KEEP)).toEqual([old]);
  });

  it.each([
    ['source', undefined],
    ['source', 'performing'],
    ['source', 'in-doubt'],
    ['source', 'leaving'],
    ['source', 'returning'],
    ['dest', 'receiving'],
    ['dest', 'committed'],
    ['dest', 'refusing'],
    // A source that asks, and is told that it is not known, would take its guest back.
    ['dest', 'activated'],
  ] as const)('%s %s: never', (side, state) => {
    const all = Array.from({ length: 10 }, (_, index) => entry(side, state, 4000, { uuid: 'same', epoch: index + 1 }));
    expect(prunable(all, NOW, KEEP)).toEqual([]);
  });

  it('where there are too many, the oldest go, but the latest of each domain stays', () => {
    const many = Array.from({ length: 6 }, (_, index) =>
      entry('source', 'retained', 20 - index, { uuid: 'busy', epoch: index + 1 }),
    );
    const rare = entry('source', 'released', 25);
    expect(prunable([rare, ...many], NOW, KEEP)).toEqual([many[2], many[1], many[0]]);
  });

  it('a clock that went back makes nothing old', () => {
    expect(prunable([entry('source', 'released', 5)], NOW - 400 * DAY_MS, KEEP)).toEqual([]);
  });
});
