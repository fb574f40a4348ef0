import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesOfImage } from '../../../../src/host/access/image-files.js';
import { PeerPolicy } from '../../../../src/host/access/peer-policy.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';

let root: string;
const at = (name: string): string => join(root, name);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-images-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function qcow2(name: string, backing: string | undefined, { version = 2, features = 0n, bytes = -1 } = {}): void {
  const header = Buffer.alloc(104);
  header.writeUInt32BE(0x514649fb, 0);
  header.writeUInt32BE(version, 4);
  const text = Buffer.from(backing ?? '');
  if (backing !== undefined) header.writeBigUInt64BE(104n, 8);
  header.writeUInt32BE(bytes < 0 ? text.length : bytes, 16);
  header.writeBigUInt64BE(features, 72);
  writeFileSync(at(name), Buffer.concat([header, text]));
}

function qed(name: string, backing: string): void {
  const header = Buffer.alloc(104);
  header.write('QED\0', 0, 'latin1');
  header.writeBigUInt64LE(1n, 16);
  header.writeUInt32LE(104, 56);
  header.writeUInt32LE(backing.length, 60);
  writeFileSync(at(name), Buffer.concat([header, Buffer.from(backing)]));
}

describe('files that an image opens besides itself', () => {
  it('are none where it names none, is not there, or is something else', async () => {
    qcow2('plain', undefined);
    writeFileSync(at('raw'), 'x'.repeat(200));
    writeFileSync(at('short'), 'QFI\xfb', 'latin1');
    for (const name of ['plain', 'raw', 'short', 'missing'])
      expect(await filesOfImage(at(name)), name).toEqual({ paths: [] });
  });

  it('are its backing files, one after the other', async () => {
    qcow2('top', 'middle');
    qed('middle', '/etc/shadow');
    expect(await filesOfImage(at('top'))).toEqual({ paths: [at('middle'), '/etc/shadow'] });
  });

  it.each<[string, () => void, RegExp]>([
    ['a protocol', () => qcow2('odd', 'json:{"file.filename":"/etc/shadow"}'), /json:/],
    ['another one', () => qcow2('odd', 'nbd:unix:/run/x'), /nbd:/],
    ['external data', () => qcow2('odd', undefined, { version: 3, features: 4n }), /external data/],
    ['a name without an end', () => qcow2('odd', 'x', { bytes: 900 }), /cannot be read/],
    ['a name that is too long', () => qcow2('odd', 'x', { bytes: 0x7fffffff }), /cannot be read/],
    ['itself', () => qcow2('odd', 'odd'), /chain of more than/],
    [
      'the parent of a VHD',
      () => {
        const footer = Buffer.alloc(512);
        footer.write('conectix');
        footer.writeUInt32BE(4, 60);
        writeFileSync(at('odd'), footer);
      },
      /VHD/,
    ],
  ])('%s is told of as such', async (_, make, odd) => {
    make();
    expect((await filesOfImage(at('odd'))).odd).toMatch(odd);
  });

  it('must lie in guest_paths as the image itself, for a guest of another host', async () => {
    qcow2('in', 'base');
    writeFileSync(at('base'), '');
    qcow2('out', '/etc/shadow');
    qcow2('odd', 'nbd:unix:/run/x');
    const policy = new PeerPolicy({ guestPaths: [root] });
    const check = (name: string, format = 'qcow2'): Promise<void> => {
      const domain =
        parseDomainXml(`<domain type='xen'><name>web1</name><uuid>4a1c9f0e-0000-4000-8000-000000000001</uuid>
        <memory>65536</memory><os><type>hvm</type></os><devices><disk type='file'><driver name='qemu' type='${format}'/>
        <source file='${at(name)}'/><target dev='xvda'/></disk></devices></domain>`);
      return policy.check({ name: 'web1', domains: [domain], reaching: [], own: () => [] });
    };
    await check('in');
    await expect(check('out')).rejects.toMatchObject({
      code: 'E_REFUSED_GUEST_PATH',
      message: expect.stringContaining('"/etc/shadow"') as string,
    });
    await expect(check('odd')).rejects.toMatchObject({ code: 'E_REFUSED_GUEST_PATH' });
    // Served as raw bytes, what it says is the guest's own.
    await check('out', 'raw');
  });
});
