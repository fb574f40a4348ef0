import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateFolder } from '../../../src/posix/private-folder.js';
import { openTrusted, openTrustedFolder, trustFolder } from '../../../src/posix/trusted-path.js';
import { loadTlsDir } from '../../../src/tunnel/tls-credentials.js';

const isRoot = process.geteuid?.() === 0;
const STRANGER = 65534;
const untrusted = (path: string, more: object = {}): object =>
  expect.objectContaining({
    code: 'E_SYSTEM_UNTRUSTED',
    data: expect.objectContaining({ path, ...more }) as object,
  }) as object;

describe('a file that is trusted as sshd trusts its own', () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-trust-'));
    mkdirSync(join(dir, 'etc'));
    file = join(dir, 'etc', 'file');
    writeFileSync(file, 'text');
    chmodSync(file, 0o644);
    chmodSync(join(dir, 'etc'), 0o755);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const read = (path: string): string => {
    const fd = openTrusted(path);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  };

  it('is read below a sticky folder, through links of ours, and relative ones', () => {
    expect(read(file)).toBe('text');
    symlinkSync('../etc/./file', join(dir, 'etc', 'link'));
    symlinkSync(dir, join(dir, 'etc', 'there'));
    expect(read(join(dir, 'etc', 'there', 'etc', 'link'))).toBe('text');
  });

  it.each([0o664, 0o646, 0o666])('is refused where the group or others may write to it: mode %o', (mode) => {
    chmodSync(file, mode);
    expect(() => openTrusted(file)).toThrow(untrusted(file, { mode: `0${mode.toString(8)}` }));
    expect(() => openTrusted(file)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining(`\`chmod go-w ${file}\``) as string }) as Error,
    );
  });

  it('is refused if others may replace it: a folder above, also through a link', () => {
    chmodSync(join(dir, 'etc'), 0o777);
    symlinkSync(file, join(dir, 'link'));
    for (const path of [file, join(dir, 'link')]) expect(() => openTrusted(path)).toThrow(untrusted(join(dir, 'etc')));
    chmodSync(join(dir, 'etc'), 0o1777);
    expect(read(file)).toBe('text');
    expect(() => trustFolder(join(dir, 'etc'))).toThrow(untrusted(join(dir, 'etc'))); // others may fill it
  });

  it.runIf(isRoot)('is refused where it, a link or a folder on the way is of another user, whatever the mode', () => {
    chownSync(file, STRANGER, STRANGER);
    expect(() => openTrusted(file)).toThrow(untrusted(file, { owner: STRANGER }));
    chownSync(file, 0, 0);
    symlinkSync(file, join(dir, 'link'));
    lchownSync(join(dir, 'link'), STRANGER, STRANGER);
    expect(() => openTrusted(join(dir, 'link'))).toThrow(untrusted(join(dir, 'link'), { owner: STRANGER }));
    chownSync(join(dir, 'etc'), STRANGER, STRANGER);
    expect(() => openTrusted(file)).toThrow(untrusted(join(dir, 'etc')));
    expect(() => openTrustedFolder(join(dir, 'etc'))).toThrow(untrusted(join(dir, 'etc')));
  });

  it('one that is missing, goes in circles or is no folder fails as the system says', () => {
    symlinkSync('circle', join(dir, 'circle'));
    expect(() => openTrusted(join(dir, 'none', 'file'))).toThrow(expect.objectContaining({ code: 'ENOENT' }) as Error);
    expect(() => openTrusted(join(dir, 'circle'))).toThrow(expect.objectContaining({ code: 'ELOOP' }) as Error);
    expect(() => openTrusted(join(file, 'x'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }) as Error);
    expect(() => openTrustedFolder(file)).toThrow(expect.objectContaining({ code: 'ENOTDIR' }) as Error);
  });

  it('a device that keeps nothing, and a descriptor of ours, are read as they are', () => {
    expect(read('/dev/null')).toBe('');
    const fd = openSync(file, 'r');
    expect(read(`/dev/fd/${fd}`)).toBe('text');
    closeSync(fd);
  });

  it('certificates are read that way, and a private folder lies in such ones', () => {
    chmodSync(file, 0o666);
    symlinkSync(file, join(dir, 'ca.pem'));
    expect(() => loadTlsDir(dir, new Date(), openTrusted)).toThrow(untrusted(file));
    chmodSync(join(dir, 'etc'), 0o777);
    expect(() => makePrivateFolder(join(dir, 'etc', 'state'))).toThrow(untrusted(join(dir, 'etc')));
  });
});
