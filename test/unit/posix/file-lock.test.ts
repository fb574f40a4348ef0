import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLock } from '../../../src/posix/file-lock.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('file lock', () => {
  it('lets one in, names the holder, and lets the next in after release', async () => {
    const path = join(dir, 'lock');
    const first = FileLock.tryTake(path, 'first');
    expect(first).toBeDefined();
    expect(FileLock.tryTake(path, 'second')).toBeUndefined();
    expect(FileLock.holderOf(path)).toBe('first');
    const waiting = FileLock.take(path, 'second', new AbortController().signal);
    first?.release();
    using _second = await waiting;
    expect(FileLock.holderOf(path)).toBe('second');
  });

  it('stops waiting when the signal fires', async () => {
    const path = join(dir, 'lock');
    using _first = FileLock.tryTake(path, 'first')!;
    const stop = new AbortController();
    const waiting = FileLock.take(path, 'second', stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow();
  });

  it('ends with the process that holds it, however that dies', async () => {
    const path = join(dir, 'lock');
    const holder = spawn('flock', ['-x', path, '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    await once(holder.stdout, 'data');
    expect(FileLock.tryTake(path, 'us')).toBeUndefined();
    holder.stdin.end();
    await once(holder, 'close');
    using lock = await FileLock.take(path, 'us', AbortSignal.timeout(10_000));
    expect(lock).toBeDefined();
  });
});
