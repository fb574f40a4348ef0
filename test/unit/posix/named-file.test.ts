import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOpenAs, isWritable, kindOf, lookUpFile, type FileKind } from '../../../src/posix/named-file.js';
import { plainFilePath, planFor, planOutput } from '../../../src/posix/output/output-plan.js';

let dir: string;
const at = (...parts: string[]): string => join(dir, ...parts);
const mknod = (name: string, ...type: string[]): boolean => spawnSync('mknod', [at(name), ...type]).status === 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-named-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** What stat(2) says of a file of this type; the nodes themselves may only be made by root. */
function statOf(kind: FileKind): Parameters<typeof kindOf>[0] {
  return {
    isFile: () => kind === 'file',
    isDirectory: () => kind === 'folder',
    isFIFO: () => kind === 'pipe',
    isSocket: () => kind === 'socket',
    isBlockDevice: () => kind === 'block device',
    isCharacterDevice: () => kind === 'character device',
  };
}

describe('what a path names', () => {
  it.each<FileKind>(['file', 'folder', 'pipe', 'socket', 'block device', 'character device', 'unknown'])(
    'is told from its type: %s',
    (kind) => {
      expect(kindOf(statOf(kind))).toBe(kind);
    },
  );

  it('is a new file, an old one, a folder or a pipe', () => {
    writeFileSync(at('old'), '');
    mkdirSync(at('folder'));
    expect(mknod('pipe', 'p')).toBe(true);
    expect(lookUpFile(at('new'))).toEqual({ is: 'missing', path: at('new') });
    expect(lookUpFile(at('old'))).toEqual({ is: 'present', path: at('old'), kind: 'file' });
    expect(lookUpFile(at('folder'))).toMatchObject({ kind: 'folder' });
    expect(lookUpFile(at('pipe'))).toMatchObject({ kind: 'pipe' });
    expect(() => lookUpFile(at('nowhere', 'new'))).toThrow(/ENOENT/);
  });

  it('is what symbolic links lead to, over any number of them, there or not', () => {
    mkdirSync(at('folder'));
    writeFileSync(at('folder', 'old'), '');
    symlinkSync('folder', at('way'));
    symlinkSync('way/old', at('first'));
    symlinkSync(at('first'), at('second'));
    symlinkSync('way/new', at('dangling'));
    symlinkSync('circle', at('circle'));
    expect(lookUpFile(at('second'))).toEqual({ is: 'present', path: at('folder', 'old'), kind: 'file' });
    expect(lookUpFile(at('dangling'))).toEqual({ is: 'missing', path: at('folder', 'new') });
    expect(() => lookUpFile(at('circle'))).toThrow(/ELOOP/);
  });

  it('is a descriptor of ours, however it is called', () => {
    const fd = openSync(at('file'), constants.O_WRONLY | constants.O_CREAT);
    try {
      symlinkSync(`/dev/fd/${fd}`, at('link'));
      for (const path of [`/proc/self/fd/${fd}`, `/proc/${process.pid}/fd/${fd}`, `/dev/fd/${fd}`, at('link')]) {
        expect(lookUpFile(path)).toEqual({ is: 'descriptor', fd, kind: 'file' });
        expect(isOpenAs(path, fd)).toBe(true);
      }
      expect(isOpenAs(at('file'), fd)).toBe(true);
      expect(isOpenAs(at('other'), fd)).toBe(false);
      expect(isWritable(fd)).toBe(true);
    } finally {
      closeSync(fd);
    }
  });

  it('is a file under a name that cannot be replaced, where another process has it open', async () => {
    writeFileSync(at('theirs'), '');
    const other = spawn('sh', ['-c', 'exec 5< theirs; echo; cat'], { cwd: dir, stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(other.stdout, 'data');
      const path = `/proc/${String(other.pid)}/fd/5`;
      expect(lookUpFile(path)).toEqual({ is: 'present', path, kind: 'file' });
    } finally {
      other.stdin.end();
      await once(other, 'close');
    }
  });
});

describe('how a named file is written', () => {
  it('replaces plain files where they are, and leaves the links', () => {
    mkdirSync(at('folder'));
    symlinkSync('folder/new', at('link'));
    expect(planOutput(at('new'))).toEqual({ how: 'replace', path: at('new') });
    expect(planOutput(at('link'))).toEqual({ how: 'replace', path: at('folder', 'new') });
    expect(plainFilePath(at('link'))).toBe(at('folder', 'new'));
  });

  it.each([
    ['pipe', { how: 'open', path: '/x', kind: 'pipe' }],
    ['block device', { how: 'open', path: '/x', kind: 'block device' }],
    ['file', { how: 'replace', path: '/x' }],
  ] as const)('opens a %s as what it is', (kind, plan) => {
    expect(planFor('/x', { is: 'present', path: '/x', kind })).toEqual(plan);
  });

  it.each<FileKind>(['folder', 'socket', 'character device', 'unknown'])('refuses a %s', (kind) => {
    expect(() => planFor('/x', { is: 'present', path: '/x', kind })).toThrow(
      expect.objectContaining({ code: 'E_REFUSED_FILE' }),
    );
  });

  it('refuses a node that keeps nothing, which stays', ({ skip }) => {
    if (!mknod('null-like', 'c', '1', '3')) skip('only root may make device nodes');
    expect(() => planOutput(at('null-like'))).toThrow(/it is a character device/);
    expect(() => plainFilePath(at('null-like'))).toThrow(/not a plain file but a character device/);
    expect(statSync(at('null-like')).isCharacterDevice()).toBe(true);
  });

  it('refuses a socket, a folder that is missing, and a descriptor that is read from', async () => {
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    expect(() => planOutput(at('socket'))).toThrow(/it is a socket/);
    server.close();
    expect(() => planOutput(at('nowhere', 'new'))).toThrow(expect.objectContaining({ code: 'E_REFUSED_FILE' }));
    const fd = openSync('/proc/self/status', 'r');
    expect(() => planOutput(`/dev/fd/${fd}`)).toThrow(/it was opened for reading/);
    closeSync(fd);
  });
});
