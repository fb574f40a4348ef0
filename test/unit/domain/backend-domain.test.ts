import { describe, expect, it } from 'vitest';
import { otherBackend } from '../../../src/domain/backend-domain.js';
import { readDefinition } from '../../../src/domain/definition/read.js';
import { diskFromJson } from '../../../src/domain/libxl-json/disk.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { lockableDisks } from '../../../src/host/leases/lockable-disks.js';
import { missingDisks } from '../../../src/operations/running/disks-here.js';

const guest = (backend: string): ReturnType<typeof parseDomainXml> =>
  parseDomainXml(`<domain type='xen'><name>web1</name><uuid>4a1c9f0e-0000-4000-8000-000000000001</uuid>
    <memory>65536</memory><os><type>linux</type></os><devices>
    <disk type='file'><source file='/no/such/folder/web1.img'/><backenddomain name='${backend}'/><target dev='xvda'/></disk>
    <interface type='ethernet'><backenddomain name='${backend}'/></interface></devices></domain>`);

describe('the domain that serves a device', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['Domain-0', undefined],
    ['0', undefined],
    ['000', undefined],
    // 2^32: libxl keeps 32 bits of a number.
    ['4294967296', undefined],
    ['stor', 'stor'],
    ['7', '7'],
    ['domain-0', 'domain-0'],
    ['Domain-01', 'Domain-01'],
  ])('%j is %j', (name, expected) => {
    expect(otherBackend(name)).toBe(expected);
  });

  it.each(['Domain-0', '0'])('%s is this host: its disks need leases and have to be here', async (name) => {
    expect((await lockableDisks(guest(name))).map(({ disk }) => disk)).toEqual(['/no/such/folder/web1.img']);
    expect(await missingDisks(guest(name))).toEqual(['xvda (/no/such/folder/web1.img)']);
    for (const device of readDefinition(guest(name)).definition.devices) {
      expect(device).toMatchObject({ backendDomain: undefined });
    }
  });

  it('of another domain they are neither', async () => {
    expect(await lockableDisks(guest('stor'))).toEqual([]);
    expect(await missingDisks(guest('stor'))).toEqual([]);
  });

  it("is read from libxl's JSON in the same way", () => {
    const unsaid = { script: undefined, trusted: undefined, direct_io_safe: false, grant_usage: undefined };
    const disk = { ...unsaid, vdev: 'xvda', backend: 'phy', format: 'raw', readwrite: 1, is_cdrom: 0 } as const;
    const read = (name: string): unknown =>
      diskFromJson({ ...disk, pdev_path: '/dev/vg/x', backend_domname: name, discard_enable: undefined });
    expect(read('Domain-0')).toMatchObject({ backendDomain: undefined });
    expect(read('stor')).toMatchObject({ backendDomain: 'stor' });
  });
});
