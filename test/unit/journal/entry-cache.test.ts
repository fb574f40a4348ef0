import { appendFileSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EntryCache } from '../../../src/journal/entry-cache.js';
import type { JournalEntry } from '../../../src/journal/journal-text.js';

const entry = { state: undefined } as unknown as JournalEntry;

describe('what journals said when they were last read', () => {
  let folder: string;
  let path: string;
  let reads: number;
  const read = (): JournalEntry => {
    reads += 1;
    return entry;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'xenferry-test-'));
    path = join(folder, 'a.journal');
    reads = 0;
    writeFileSync(path, 'one\n');
  });
  afterEach(() => {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  /** The file is as old as its reader needs it to be. */
  function later(): void {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
  }

  it('reads a file that stays the same once', () => {
    later();
    const cache = new EntryCache();
    expect(cache.get(path, read)).toBe(entry);
    expect(cache.get(path, read)).toBe(entry);
    expect(reads).toBe(1);
  });

  it('reads a file again that was changed a moment ago, whatever its times say', () => {
    const cache = new EntryCache();
    cache.get(path, read);
    cache.get(path, read);
    expect(reads).toBe(2);
  });

  it('reads a file again that has grown, or was replaced, or written to without growing', () => {
    later();
    const cache = new EntryCache();
    cache.get(path, read);
    appendFileSync(path, 'two\n');
    cache.get(path, read);
    expect(reads).toBe(2);
    writeFileSync(`${path}.new`, 'one\ntwo\n');
    utimesSync(`${path}.new`, 1, 1);
    renameSync(`${path}.new`, path);
    cache.get(path, read);
    expect(reads).toBe(3);
    utimesSync(path, 2, 2);
    cache.get(path, read);
    expect(reads).toBe(4);
  });

  it('knows of no file that is gone, and keeps nothing of it', () => {
    later();
    const cache = new EntryCache();
    cache.get(path, read);
    cache.keepOnly(new Set());
    cache.get(path, read);
    expect(reads).toBe(2);
    rmSync(path);
    expect(cache.get(path, read)).toBeUndefined();
    expect(reads).toBe(2);
  });

  it('keeps no failure', () => {
    later();
    const cache = new EntryCache();
    expect(() =>
      cache.get(path, () => {
        throw new Error('damaged');
      }),
    ).toThrow('damaged');
    expect(cache.get(path, read)).toBe(entry);
  });
});
