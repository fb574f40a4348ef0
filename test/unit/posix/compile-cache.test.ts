import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileCacheFolder, enableCompileCache } from '../../../src/posix/compile-cache.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-compiled-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function folderOf(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}

function linkTo(real: string, path: string): void {
  folderOf(real, 0o700);
  symlinkSync(real, path);
}

/** Folders that node was given. */
function giving(): { readonly given: string[]; readonly enable: (folder: string) => void } {
  const given: string[] = [];
  return { given, enable: (folder) => void given.push(folder) };
}

describe('compiled code is kept', () => {
  it('in a folder that only this user can write to, which is made', () => {
    const { given, enable } = giving();
    const folder = join(dir, 'kept');
    expect(enableCompileCache(folder, enable)).toBe(true);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(given).toEqual([folder]);
    expect(compileCacheFolder()).toBe(folder);
  });

  it.each([
    ['others can write to', (path: string) => folderOf(path, 0o777)],
    ['others can read', (path: string) => folderOf(path, 0o750)],
    ['is a link to a good one', (path: string) => linkTo(`${path}.real`, path)],
    [
      'is a file',
      (path: string) => {
        writeFileSync(path, '', { mode: 0o600 });
      },
    ],
  ])('nowhere where the folder %s', (_, make) => {
    const { given, enable } = giving();
    const folder = join(dir, 'kept');
    make(folder);
    expect(enableCompileCache(folder, enable)).toBe(false);
    expect(given).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)("nowhere where the folder is another user's", async () => {
    const { chownSync } = await import('node:fs');
    const { given, enable } = giving();
    const folder = join(dir, 'kept');
    mkdirSync(folder, 0o700);
    chownSync(folder, 65534, 65534);
    expect(enableCompileCache(folder, enable)).toBe(false);
    expect(given).toEqual([]);
  });

  it('nowhere where there is no folder above it, or node cannot', () => {
    const { enable } = giving();
    expect(enableCompileCache(join(dir, 'missing', 'kept'), enable)).toBe(false);
    const failing = (): void => {
      throw new Error('no');
    };
    expect(enableCompileCache(join(dir, 'kept'), failing)).toBe(false);
  });
});
