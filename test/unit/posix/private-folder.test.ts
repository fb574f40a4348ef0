import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateFolder } from '../../../src/posix/private-folder.js';
import { LocalHost } from '../../support/local-host.js';

const isRoot = process.geteuid?.() === 0;
const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
const owned = (path: string): object =>
  expect.objectContaining({ code: 'E_SYSTEM_FOLDER_OWNER', data: { path, owner: 65534 } }) as object;

describe('a private folder', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-folder-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('one that stood open is shut, and its mode told', () => {
    const path = join(dir, 'state');
    mkdirSync(path);
    chmodSync(path, 0o755);
    expect(makePrivateFolder(path)).toBe(0o755);
    expect(modeOf(path)).toBe('700');
    expect(makePrivateFolder(path)).toBeUndefined();
  });

  it.runIf(isRoot)('an entry of another user is refused, also a symbolic link', () => {
    const path = join(dir, 'state');
    makePrivateFolder(path);
    symlinkSync('/etc', join(path, 'ours')); // an operator may keep saved states elsewhere
    makePrivateFolder(path);
    symlinkSync('/etc', join(path, 'journal'));
    lchownSync(join(path, 'journal'), 65534, 65534);
    expect(() => makePrivateFolder(path)).toThrow(owned(join(path, 'journal')));
    rmSync(join(path, 'journal'));
    writeFileSync(join(path, 'file'), '');
    chownSync(join(path, 'file'), 65534, 65534);
    expect(() => makePrivateFolder(path)).toThrow(owned(join(path, 'file')));
    chownSync(path, 65534, 65534);
    expect(() => makePrivateFolder(path)).toThrow(owned(path));
  });
});

describe('the state folder of a host', () => {
  it('that stood open is shut when the host is opened, which says so', async () => {
    await using local = await LocalHost.make();
    chmodSync(local.stateDir, 0o777);
    await local.open();
    expect(modeOf(local.stateDir)).toBe('700');
    expect(local.log.join()).toContain(`${local.stateDir} was open to other users (mode 0777)`);
  });
});
