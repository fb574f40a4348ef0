import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../../src/journal/journal.js';
import { journalLine } from '../../../src/journal/journal-text.js';
import type { JournalHeader } from '../../../src/journal/records.js';

let dir: string;
let journal: Journal;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-journal-'));
  journal = new Journal(join(dir, 'journal'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const header = (over: Partial<JournalHeader> = {}): JournalHeader => ({
  journal: 1,
  side: 'source',
  migration: randomUUID(),
  epoch: 1,
  uuid: '11111111-2222-4333-8444-555555555555',
  name: 'web',
  domid: 7,
  peer: 'xen+tls://b/system',
  startedAt: '2026-11-22T00:00:00.000Z',
  ...over,
});
const at = '2026-11-22T00:00:01.000Z';
const pathOf = (one: JournalHeader): string => join(dir, 'journal', `${one.migration}.${one.side}.journal`);

describe('journal', () => {
  it('gives back the header and the last state', () => {
    const one = header();
    using file = journal.begin(one);
    file.append({ state: 'performing', at });
    file.append({ state: 'in-doubt', at });
    expect(journal.read(one.migration, 'source')).toEqual({ header: one, state: { state: 'in-doubt', at } });
    expect(journal.list()).toHaveLength(1);
  });

  it.each([
    ['in-doubt', 'deciding'],
    ['released', 'gone'],
    ['retained', 'kept'],
    ['committed', 'arriving'],
    ['activated', 'arrived'],
    ['leaving', 'leaving'],
  ] as const)('writes %s as the first release does, %s, and reads both words', (state, word) => {
    const one = header();
    using file = journal.begin(one);
    file.append({ state, at });
    expect(readFileSync(pathOf(one), 'utf8')).toContain(`"state":"${word}"`);
    expect(journal.read(one.migration, 'source')?.state?.state).toBe(state);
    appendFileSync(pathOf(one), journalLine({ state: 'performing', at }) + journalLine({ state, at }));
    expect(journal.read(one.migration, 'source')?.state?.state).toBe(state);
  });

  it('does not guess at a state that it does not know', () => {
    const one = header();
    journal.begin(one)[Symbol.dispose]();
    appendFileSync(pathOf(one), journalLine({ state: 'elsewhere', at }));
    expect(() => journal.read(one.migration, 'source')).toThrow(
      expect.objectContaining({ code: 'E_JOURNAL_DAMAGED' }) as Error,
    );
  });

  it('is private: folder 0700, files 0600', () => {
    const one = header();
    journal.begin(one)[Symbol.dispose]();
    expect(statSync(join(dir, 'journal')).mode & 0o777).toBe(0o700);
    expect(statSync(pathOf(one)).mode & 0o777).toBe(0o600);
  });

  it('F51: a torn last record at every length is as if it had never been', () => {
    const one = header();
    const file = journal.begin(one);
    file.append({ state: 'performing', at });
    const whole = readFileSync(pathOf(one)).length;
    file.append({ state: 'in-doubt', at });
    file[Symbol.dispose]();
    const end = readFileSync(pathOf(one)).length;
    const bytes = readFileSync(pathOf(one));
    for (let length = whole; length < end - 1; length += 1) {
      writeFileSync(pathOf(one), bytes);
      truncateSync(pathOf(one), length);
      expect(journal.read(one.migration, 'source')?.state?.state).toBe('performing');
    }
  });

  it('F51: a torn header is as if the migration had never begun', () => {
    const one = header();
    journal.begin(one)[Symbol.dispose]();
    truncateSync(pathOf(one), 20);
    expect(journal.read(one.migration, 'source')).toBeUndefined();
    expect(journal.list()).toEqual([]);
  });

  it('goes on behind a torn record', () => {
    const one = header();
    const file = journal.begin(one);
    file.append({ state: 'performing', at });
    file[Symbol.dispose]();
    appendFileSync(pathOf(one), 'dead');
    using again = journal.resume(one.migration, 'source');
    again.append({ state: 'returning', at });
    expect(journal.read(one.migration, 'source')?.state?.state).toBe('returning');
  });

  it('refuses a file that is damaged before its end, naming the line', () => {
    const one = header();
    const file = journal.begin(one);
    file.append({ state: 'performing', at });
    file.append({ state: 'in-doubt', at });
    file[Symbol.dispose]();
    const text = readFileSync(pathOf(one), 'utf8').replace('performing', 'perf0rming');
    writeFileSync(pathOf(one), text);
    expect(() => journal.read(one.migration, 'source')).toThrow(/line 2: not a complete journal record/);
  });

  it('F51: a bit that flips anywhere is told: no state is ever read that is not the last one written', () => {
    const one = header();
    {
      using file = journal.begin(one);
      for (const state of ['performing', 'in-doubt'] as const) file.append({ state, at });
    }
    const bytes = readFileSync(pathOf(one));
    let damaged = 0;
    for (let index = 0; index < bytes.length; index += 1) {
      const flipped = Buffer.from(bytes);
      flipped[index] ^= 1 << (index % 8);
      writeFileSync(pathOf(one), flipped);
      let read: ReturnType<Journal['read']>;
      try {
        read = journal.read(one.migration, 'source');
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_JOURNAL_DAMAGED' });
        damaged += 1;
        continue;
      }
      // A flip that makes a capital of a checksum's letter changes nothing.
      expect(read).toEqual({ header: one, state: { state: 'in-doubt', at } });
    }
    expect(damaged).toBeGreaterThan(bytes.length * 0.9);
  });

  it('F51: a last record of which a page never reached the disk is as if it had never been', () => {
    const one = header();
    {
      using file = journal.begin(one);
      for (const state of ['performing', 'in-doubt'] as const) file.append({ state, at });
    }
    const bytes = readFileSync(pathOf(one));
    bytes.fill(0, bytes.length - 40, bytes.length - 10);
    writeFileSync(pathOf(one), bytes);
    expect(journal.read(one.migration, 'source')?.state?.state).toBe('performing');
  });

  it('refuses to begin the same migration twice', () => {
    const one = header();
    journal.begin(one)[Symbol.dispose]();
    expect(() => journal.begin(one)).toThrow(expect.objectContaining({ code: 'E_SYSTEM_JOURNAL' }) as Error);
  });

  it('knows the highest epoch of a domain, from both sides', () => {
    journal.begin(header({ epoch: 3 }))[Symbol.dispose]();
    journal.begin(header({ epoch: 5, side: 'dest' }))[Symbol.dispose]();
    journal.begin(header({ epoch: 9, uuid: '99999999-2222-4333-8444-555555555555' }))[Symbol.dispose]();
    expect(journal.highestEpoch(header().uuid)).toBe(5);
    expect(journal.highestEpoch('00000000-2222-4333-8444-555555555555')).toBe(0);
  });
});
