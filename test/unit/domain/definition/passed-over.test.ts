import { describe, expect, it } from 'vitest';
import { defineDomain, type Defined } from '../../../../src/domain/definition/define.js';
import { parseDeviceXml, readDefinition } from '../../../../src/domain/definition/read.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { UsageError } from '../../../../src/errors/errors.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const context = { randomOctets: (): [number, number, number] => [1, 2, 3], makeUuid: () => UUID };
const HVM = "<os><type machine='xenfv'>hvm</type></os>";
const PVH = "<os><type machine='xenpvh'>xenpvh</type><kernel>/boot/k</kernel></os>";
const guest = (inner: string, os = HVM, attributes = ''): string =>
  `<domain type='xen'${attributes}><name>plain</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>${os}${inner}</domain>`;
const define = (xml: string): Defined => defineDomain(xml, { ...context, carryUnknown: true });
/** What a stored definition starts: read leniently, as the toolstack does. */
const starts = ({ domain }: Defined): Record<string, unknown> => {
  const stored = parseDomainXml(formatDomainXml(domain), { trust: 'stored' });
  return toLibxlConfig(readDefinition(stored, { lenient: true }).definition);
};

describe('S06: what is not known is named once, carried, and starts', () => {
  it.each([
    ["<memtune><hard_limit unit='KiB'>1</hard_limit></memtune>", '/domain: <memtune>'],
    ['<blkiotune><weight>800</weight></blkiotune>', '/domain: <blkiotune>'],
    ['<memoryBacking><hugepages/></memoryBacking>', '/domain: <memoryBacking>'],
    ["<sysinfo type='smbios'><bios><entry name='vendor'>x</entry></bios></sysinfo>", '/domain: <sysinfo>'],
    ["<maxMemory slots='16' unit='KiB'>524288</maxMemory>", '/domain: <maxMemory>'],
    ['<on_lockfailure>poweroff</on_lockfailure>', '/domain: <on_lockfailure>'],
    ["<perf><event name='cmt' enabled='yes'/></perf>", '/domain: <perf>'],
    ['<iothreads>2</iothreads>', '/domain: <iothreads>'],
    ["<numatune><memory mode='strict' nodeset='0'/></numatune>", '/domain/numatune/memory'],
    ["<vcpu2 x='1'/>", '/domain: <vcpu2>'],
  ])('%s', (element, path) => {
    const defined = define(guest(element));
    expect(defined.warnings).toEqual([expect.stringContaining(path)]);
    const name = /^<(\w+)/.exec(element)?.[1] ?? '';
    expect(formatDomainXml(defined.domain)).toContain(`<${name}`);
    expect(starts(defined)).toMatchObject({ c_info: { name: 'plain' } });
  });

  it.each([
    [guest('', HVM, " flavour='x'"), "/domain: attribute 'flavour'"],
    [guest('').replace("unit='MiB'", "unit='MiB' dumpCore='off'"), "/domain/memory: attribute 'dumpCore'"],
    [guest('').replace('<vcpu>', "<vcpu placement='auto'>"), '/domain/vcpu/@placement'],
    [guest("<devices><emulator type='stubdom-linux'/></devices>"), "/domain/devices/emulator: attribute 'type'"],
    [guest("<clock sync='localtime'/>"), "/domain/clock: attribute 'sync'"],
    [
      guest(
        "<devices><disk type='block'><driver name='phy' io='native'/><source dev='/dev/a'/><target dev='hda'/></disk></devices>",
      ),
      "/domain/devices/disk[1]/driver: attribute 'io'",
    ],
  ])('an attribute, by its path: %#', (xml, path) => {
    const defined = define(xml);
    expect(defined.warnings).toEqual([expect.stringContaining(path)]);
    expect(starts(defined)).toMatchObject({ c_info: { name: 'plain' } });
    expect(() => defineDomain(xml, context)).toThrow(UsageError);
  });

  it('a device that is not known, or that a guest can do without, is kept and starts nothing', () => {
    const defined = define(guest("<devices><rng model='virtio'/><flux type='x'/></devices>"));
    expect(defined.warnings).toEqual([
      expect.stringMatching(/^\/domain\/devices\/rng\[1\]: Xen has no virtual random number generator/),
      expect.stringMatching(/^\/domain\/devices\/flux\[1\]: is not a known device/),
    ]);
    expect(formatDomainXml(defined.domain)).toContain("<flux type='x'/>");
    expect(starts(defined)).toMatchObject({ c_info: { name: 'plain' } });
    for (const name of ['rng', 'flux']) {
      expect(() => defineDomain(guest(`<devices><${name}/></devices>`), context), name).toThrow(UsageError);
    }
  });

  it('but one that the guest would miss is refused, and so is a wrong value', () => {
    for (const device of ["<filesystem type='mount'/>", "<disk type='file'><target dev='nowhere'/></disk>"]) {
      expect(() => define(guest(`<devices>${device}</devices>`)), device).toThrow(UsageError);
    }
    expect(() => define(guest('<on_crash>explode</on_crash>'))).toThrow('explode');
  });

  it('in the XML of a device as well', () => {
    const warnings: string[] = [];
    const device = parseDeviceXml(
      "<disk type='file'><driver name='qemu' io='threads'/><source file='/a'/><target dev='xvdb'/><iotune/></disk>",
      warnings,
    );
    expect(device.kind).toBe('disk');
    expect(warnings).toEqual([
      expect.stringContaining("/disk/driver: attribute 'io'"),
      expect.stringContaining('/disk: <iotune>'),
    ]);
  });

  it('says nothing of a definition that is understood, and nothing twice', () => {
    expect(define(guest("<cpu mode='host-passthrough'/>")).warnings).toEqual([]);
    const { domain } = define(guest('<perf/>'));
    const again = define(formatDomainXml(domain));
    expect(again.warnings).toHaveLength(1);
    expect(formatDomainXml(again.domain)).toBe(formatDomainXml(domain));
  });
});

describe('S06: what Xen cannot do about a CPU is said', () => {
  it.each([
    ["<cpu mode='custom' match='exact'><model>Westmere</model></cpu>", 'the model Westmere'],
    ["<cpu><model fallback='allow'>Haswell</model></cpu>", 'the model Haswell'],
    ["<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", '/domain/cpu/topology'],
  ])('%s', (cpu, what) => {
    expect(define(guest(cpu)).warnings).toEqual([expect.stringContaining(what)]);
  });
});

describe('power management', () => {
  it("is S3 and S4 of an HVM guest's ACPI", () => {
    const pm = "<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='yes'/></pm>";
    const defined = define(guest(pm));
    expect(defined.warnings).toEqual([]);
    expect(starts(defined)).toMatchObject({ b_info: { 'type.hvm': { acpi_s3: 'False', acpi_s4: 'True' } } });
    expect(formatDomainXml(defined.domain)).toContain("<suspend-to-mem enabled='no'/>");
  });

  it('is kept for others, with a warning', () => {
    const defined = define(guest("<pm><suspend-to-mem enabled='no'/></pm>", PVH));
    expect(defined.warnings).toEqual([expect.stringContaining('/domain/pm')]);
    expect(starts(defined)).toMatchObject({ c_info: { type: 'pvh' } });
  });
});
