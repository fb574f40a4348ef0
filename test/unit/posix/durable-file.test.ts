import type * as FileSystem from 'node:fs';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readBounded, removeDurably, writeDurably } from '../../../src/posix/durable-file.js';

/** What the file system was asked for, and after how many of those nothing happens any more: the power is gone. */
const power = vi.hoisted(() => ({ steps: [] as string[], lastsFor: Number.POSITIVE_INFINITY }));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof FileSystem>();
  const names = ['openSync', 'writeSync', 'fsyncSync', 'closeSync', 'renameSync', 'unlinkSync', 'rmSync'] as const;
  const cut = names.map((name) => {
    const real = fs[name] as (...args: unknown[]) => unknown;
    const step = (...args: unknown[]): unknown => {
      if (power.steps.length >= power.lastsFor) throw new Error('the power is gone');
      power.steps.push(name);
      return real(...args);
    };
    return [name, step] as const;
  });
  return { ...fs, ...Object.fromEntries(cut) };
});

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-durable-'));
  path = join(dir, 'web1.json');
  writeFileSync(path, 'old');
  power.steps = [];
});

afterEach(() => {
  power.lastsFor = Number.POSITIVE_INFINITY;
  rmSync(dir, { recursive: true });
});

/** Runs it with power for one step, two, ... until it succeeds; `look` sees what is there after each. */
function cutAtEachStep(act: () => unknown, look: (isDone: boolean) => void): number {
  for (let lasts = 0; ; lasts += 1) {
    power.steps = [];
    power.lastsFor = lasts;
    let isDone = true;
    try {
      act();
    } catch {
      isDone = false;
    }
    power.lastsFor = Number.POSITIVE_INFINITY;
    look(isDone);
    if (isDone) return lasts;
    writeFileSync(path, 'old');
  }
}

describe('a file that is replaced', () => {
  it('S23: is the old one or the new one, whole, wherever the power goes; the new one once that was said', () => {
    const text = 'new '.repeat(100_000);
    const seen = new Set<string>();
    const steps = cutAtEachStep(
      () => writeDurably(path, text),
      (isDone) => {
        const now = readFileSync(path, 'utf8');
        expect([isDone ? text : 'old', text]).toContain(now);
        seen.add(now === text ? 'new' : now);
        // What is half written has a name that nobody takes for a file's.
        expect(readdirSync(dir).filter((name) => name.endsWith('.json'))).toEqual(['web1.json']);
      },
    );
    expect(steps).toBeGreaterThanOrEqual(7);
    expect(seen).toEqual(new Set(['old', 'new']));
  });

  it('is on the disk before it has its name, and its name before that is said', () => {
    writeDurably(path, 'new');
    const order = power.steps.filter((name) => /fsync|rename/.test(name));
    expect(order).toEqual(['fsyncSync', 'renameSync', 'fsyncSync']);
  });
});

describe('a file that is removed', () => {
  it('is there or not, wherever the power goes; not, once that was said, and its absence is on the disk', () => {
    cutAtEachStep(
      () => removeDurably(path),
      (isDone) => {
        if (isDone) expect(readdirSync(dir)).toEqual([]);
      },
    );
    expect(power.steps.filter((name) => /unlink|fsync/.test(name))).toEqual(['unlinkSync', 'fsyncSync']);
    expect(removeDurably(path)).toBe(false);
  });
});

describe('a small file', () => {
  it('is read up to its bound, and one beyond it is refused before it is read', () => {
    writeFileSync(path, 'x'.repeat(1000));
    expect(readBounded(path, 1000)).toHaveLength(1000);
    expect(() => readBounded(path, 999)).toThrow(
      expect.objectContaining({
        code: 'E_SYSTEM_FILE_SIZE',
        message: expect.stringContaining('1000 bytes') as unknown,
      }),
    );
    expect(readBounded(join(dir, 'none'), 1)).toBeUndefined();
  });
});
