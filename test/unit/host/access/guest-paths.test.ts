import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { liesIn, placesOfOwn } from '../../../../src/host/access/guest-paths.js';
import { mountsIn } from '../../../../src/host/access/mounted-devices.js';

let root: string;
const at = (...parts: string[]): string => join(root, ...parts);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-paths-'));
  for (const folder of ['images', 'real', 'etc']) mkdirSync(at(folder));
  writeFileSync(at('images', 'web1.img'), '');
  writeFileSync(at('etc', 'shadow'), '');
  symlinkSync(at('real'), at('link'));
  writeFileSync(at('real', 'web2.img'), '');
  symlinkSync(at('etc', 'shadow'), at('images', 'out'));
  symlinkSync(at('etc', 'new'), at('images', 'dangling'));
  symlinkSync(at('etc'), at('images', 'folder'));
  symlinkSync('web1.img', at('images', 'within'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('a path in the folders of guests', () => {
  it.each([
    ['a file', ['images', 'web1.img'], true],
    ['one that is not there yet', ['images', 'new', 'web3.img'], true],
    ['the folder itself', ['images'], true],
    ['a link within', ['images', 'within'], true],
    ['a file in a folder that is a link', ['link', 'web2.img'], true],
    ['the same by its real name', ['real', 'web2.img'], true],
    ['another folder', ['etc', 'shadow'], false],
    ['a name that begins alike', ['images2', 'web1.img'], false],
    ['a link that leads out', ['images', 'out'], false],
    ['a link that leads to what is not there', ['images', 'dangling'], false],
    ['below a link that leads out', ['images', 'folder', 'shadow'], false],
    ['below one, and not there', ['images', 'folder', 'new'], false],
  ])('%s', async (_, parts, expected) => {
    expect(await liesIn(at(...parts), [at('images'), at('link')])).toBe(expected);
  });

  it.each([
    'images/web1.img',
    '',
    'rbd:pool/image',
    'fat:rw:/srv',
    '//srv/x',
    '/srv/../etc/shadow',
    '/srv/./x',
    '/srv/x\0',
  ])('%j is none, whatever folders there are', async (path) => {
    expect(await liesIn(path, ['/srv', '/'])).toBe(false);
  });

  it('all are where the root is a folder of guests', async () => {
    expect(await liesIn('/etc/hostname', ['/'])).toBe(true);
  });
});

describe('what the definitions of a host say of where guests are', () => {
  it.each([
    [['/data/vms/web1.img'], ['/data/vms/web1.img', '/data/vms']],
    [['/data/web1.img'], ['/data/web1.img']],
    [['/etc/xen/x.img'], ['/etc/xen/x.img']],
    [['/root/x/y.img'], ['/root/x/y.img']],
    [['/boot/vmlinuz'], ['/boot/vmlinuz']],
    [['/dev/vg0/web1'], ['/dev/vg0/web1', '/dev/vg0']],
    [['/dev/sda1'], ['/dev/sda1']],
    [['/dev/mapper/x'], ['/dev/mapper/x']],
    [['/dev/disk/by-id/x'], ['/dev/disk/by-id/x']],
    [['x.img', '/srv/../etc/x'], []],
  ])('%j', (paths, places) => {
    expect(placesOfOwn(paths)).toEqual(places);
  });
});

it('the devices of mounted file systems are read from what the kernel says', () => {
  const text = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg0-root rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:30 /@home /home rw,relatime - btrfs /dev/sdb1 rw`;
  const { numbers, sources } = mountsIn(text);
  expect([...numbers]).toEqual(['254:0', '0:21', '0:30']);
  expect(sources).toEqual(['/dev/mapper/vg0-root', '/dev/sdb1']);
});
