import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolder } from '../../../src/posix/folder.js';

describe('folders', () => {
  it('are made with those above them, private, and left alone where they are', () => {
    const root = mkdtempSync(join(tmpdir(), 'xenferry-folder-'));
    try {
      const deep = join(root, 'a', 'b', 'c');
      makeFolder(deep);
      makeFolder(deep);
      expect(statSync(join(root, 'a')).mode & 0o777).toBe(0o700);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('S04: that cannot be made are an error, not a wait without end', () => {
    expect(() => makeFolder('/proc/xenferry/state')).toThrow(/ENOENT.*\/proc\/xenferry/);
  });
});
