import { describe, expect, it } from 'vitest';
import { abiDifferences } from '../../../../src/domain/definition/abi.js';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { defineDomain, type Defined } from '../../../../src/domain/definition/define.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { fromXlConfig } from '../../../../src/domain/xl-config/from-config.js';
import { toXlConfig } from '../../../../src/domain/xl-config/to-config.js';
import { UsageError } from '../../../../src/errors/errors.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const define = (xml: string): Defined =>
  defineDomain(xml, { randomOctets: () => [1, 2, 3], makeUuid: () => UUID, carryUnknown: true });
const HVM = "<os><type machine='xenfv'>hvm</type></os>";
const guest = (inner: string, os = HVM, size = "<memory unit='MiB'>64</memory><vcpu>1</vcpu>"): string =>
  `<domain type='xen'><name>w</name>${size}${os}${inner}</domain>`;
const json = (xml: string): unknown => toLibxlConfig(define(xml).definition);

describe('what libvirt fills in', () => {
  it.each(["<console tty='/dev/pts/6'/>", '<console/>', "<console type='pty'/>"])('%s is a terminal', (console) => {
    const { domain, warnings } = define(guest(`<devices>${console}</devices>`, '<os><type>linux</type></os>'));
    expect(warnings).toEqual([]);
    expect(formatDomainXml(domain)).toContain("<console type='pty'>");
  });

  it('a driver of type aio reads a raw image', () => {
    const disk = (type: string): string =>
      guest(
        `<devices><disk type='file'><driver name='tap'${type}/><source file='/a.img'/><target dev='xvda'/></disk></devices>`,
      );
    expect(json(disk(" type='aio'"))).toMatchObject({
      disks: [{ backend: 'tap', format: 'raw', pdev_path: '/a.img' }],
    });
    expect(json(disk(" type='aio'"))).toEqual(json(disk('')));
  });

  it('a bootloader has a command line, and what it is to load', () => {
    const os =
      '<bootloader>pygrub</bootloader><os><type>linux</type><initrd>/i</initrd><cmdline>console=hvc0 ro</cmdline></os>';
    expect(json(guest('', os))).toMatchObject({
      b_info: { bootloader: 'pygrub', ramdisk: '/i', cmdline: 'console=hvc0 ro' },
    });
    // A PV guest has pygrub where nothing is said; an HVM guest keeps what its loader may read.
    expect(json(guest('', '<os><type>linux</type><cmdline>ro</cmdline></os>'))).toMatchObject({
      b_info: { bootloader: 'pygrub', cmdline: 'ro' },
    });
    expect(json(guest('', '<os><type>hvm</type><cmdline>ro</cmdline></os>'))).toMatchObject({
      b_info: { cmdline: 'ro' },
    });
  });

  it('memory is that of the cells where nothing else is said', () => {
    const numa =
      "<cpu><numa><cell id='0' cpus='0' memory='64' unit='MiB'/><cell id='1' cpus='1' memory='32' unit='MiB'/></numa></cpu>";
    expect(json(guest(numa, HVM, '<vcpu>2</vcpu>'))).toMatchObject({ b_info: { max_memkb: 96 * 1024 } });
    expect(() => define(guest('', HVM, ''))).toThrow('/domain/memory');
  });
});

it('a card without a model is the one that the guest would have', () => {
  const video = "<devices><graphics type='vnc'/><video><model vram='16384' heads='1'/></video></devices>";
  expect(json(guest(video))).toMatchObject({
    b_info: { 'type.hvm': { vga: { kind: 'cirrus' } }, video_memkb: 16_384 },
  });
});

describe('what libvirt prints today', () => {
  it('the format of a loader', () => {
    const os = (format: string): string =>
      `<os><type arch='x86_64' machine='xenfv'>hvm</type><loader type='rom' format='${format}'>/hvmloader</loader></os>`;
    expect(define(guest('', os('raw'))).warnings).toEqual([]);
    expect(() => define(guest('', os('qcow2')))).toThrow(UsageError);
  });

  it('L23: tables of ACPI as they are', () => {
    const os = (type: string): string =>
      `<os><type>hvm</type><acpi><table type='${type}'>/srv/fw/tables.bin</table></acpi></os>`;
    for (const type of ['rawset', 'slic']) {
      expect(json(guest('', os(type)))).toMatchObject({
        b_info: { 'type.hvm': { acpi_firmware: '/srv/fw/tables.bin' } },
      });
      expect(formatDomainXml(define(guest('', os(type))).domain)).toContain(`<table type='${type}'>`);
    }
  });

  it("a network card of the host's as an interface", () => {
    const xml = guest(
      "<devices><interface type='hostdev' managed='yes'><mac address='00:16:3e:44:55:66'/><source><address type='pci' domain='0x0000' bus='0x41' slot='0x10' function='0x2'/></source></interface></devices>",
    );
    const { domain, warnings } = define(xml);
    expect(json(xml)).toMatchObject({ pcidevs: [{ domain: 0, bus: 0x41, dev: 0x10, func: 2, seize: true }] });
    expect(json(xml)).not.toHaveProperty('nics');
    expect(formatDomainXml(domain)).toMatch(
      /<interface type='hostdev' managed='yes'>\s+<mac address='00:16:3e:44:55:66'\/>/,
    );
    // libxl does not set it.
    expect(warnings).toEqual([expect.stringContaining('00:16:3e:44:55:66')]);
    expect(() => define(guest("<devices><interface type='hostdev'/></devices>"))).toThrow('source/address');
  });

  it('spice on a port below those of VNC', () => {
    const screen = (type: string): string =>
      guest(`<devices><graphics type='${type}' port='590' autoport='no'/></devices>`);
    expect(json(screen('spice'))).toMatchObject({ b_info: { 'type.hvm': { spice: { port: 590 } } } });
    expect(() => define(screen('vnc'))).toThrow('590 is below 5900');
  });
});

describe("hyperv, libvirt's word for viridian", () => {
  const enabled = (hyperv: string): unknown =>
    (
      json(guest(`<features><acpi/><apic/>${hyperv}</features>`)) as {
        b_info: { 'type.hvm': { viridian_enable?: unknown } };
      }
    ).b_info['type.hvm'].viridian_enable;

  it.each([
    ["<hyperv mode='custom'><synic state='on'/></hyperv>", [0, 6, 7]],
    ["<hyperv><stimer state='on'/></hyperv>", [0, 2, 3, 6, 7, 8]],
    ["<hyperv><relaxed state='on'/><vpindex state='on'/><ipi state='off'/></hyperv>", [0, 6]],
    ["<hyperv><vapic state='on'/><frequencies state='on'/><tlbflush state='on'/></hyperv>", [0, 1, 4, 5, 6]],
    ["<hyperv mode='passthrough'/>", Array.from({ length: 64 }, (_, bit) => bit)],
    ['', undefined],
  ])('%s', (hyperv, bits) => {
    expect(enabled(hyperv)).toEqual(bits);
  });

  it('is kept as it was written, and what Xen has for all guests is said to be passed over', () => {
    const hyperv = "<hyperv mode='custom'><spinlocks state='on' retries='4096'/><synic state='on'/></hyperv>";
    const { domain, warnings } = define(guest(`<features>${hyperv}</features>`));
    expect(warnings).toContainEqual(expect.stringContaining('/domain/features/hyperv/spinlocks'));
    expect(formatDomainXml(domain)).toContain("<synic state='on'/>");
  });

  it('is refused where Xen has no such thing, or the guest is none', () => {
    expect(() => define(guest("<features><hyperv><evmcs state='on'/></hyperv></features>"))).toThrow('evmcs');
    expect(() =>
      define(guest('<features><hyperv><synic/></hyperv></features>', '<os><type>linux</type></os>')),
    ).toThrow('features/hyperv');
  });
});

describe('L05: vNUMA', () => {
  const cells = (inner: string, more = '', vcpus = 4): Defined =>
    define(
      guest(`${more}<cpu><numa>${inner}</numa></cpu>`, HVM, `<memory unit='MiB'>128</memory><vcpu>${vcpus}</vcpu>`),
    );
  const nodes = (defined: Defined): unknown =>
    (toLibxlConfig(defined.definition) as { b_info: { vnuma_nodes: unknown } }).b_info.vnuma_nodes;

  it('mirrors a distance that one side says; others are 10 and 20', () => {
    const defined = cells(
      "<cell id='0' cpus='0-1' memory='64' unit='MiB'><distances><sibling id='1' value='42'/></distances></cell>" +
        "<cell id='1' cpus='2' memory='32' unit='MiB'/><cell id='2' cpus='3' memory='32' unit='MiB'/>",
    );
    expect(nodes(defined)).toMatchObject([
      { distances: [10, 42, 20], pnode: 0 },
      { distances: [42, 10, 20], pnode: 1 },
      { distances: [20, 20, 10], pnode: 2 },
    ]);
  });

  it('keeps two that differ', () => {
    const side = (id: number, other: number, value: number): string =>
      `<cell id='${id}' cpus='${id}' memory='64' unit='MiB'><distances><sibling id='${other}' value='${value}'/></distances></cell>`;
    expect(nodes(cells(side(0, 1, 21) + side(1, 0, 31), '', 2))).toMatchObject([
      { distances: [10, 21] },
      { distances: [31, 10] },
    ]);
  });

  it('gives the first cell the vcpus that none names', () => {
    const defined = cells(
      "<cell id='0' cpus='0' memory='64' unit='MiB'/><cell id='1' cpus='2' memory='64' unit='MiB'/>",
    );
    expect(nodes(defined)).toMatchObject([{ vcpus: CpuSet.of([0, 1, 3]) }, { vcpus: CpuSet.of([2]) }]);
    expect(formatDomainXml(defined.domain)).toContain("<cell id='0' cpus='0-1,3'");
    expect(
      nodes(cells("<cell id='0' memory='64' unit='MiB'/><cell id='1' cpus='3' memory='64' unit='MiB'/>")),
    ).toMatchObject([{ vcpus: CpuSet.of([0, 1, 2]) }, { vcpus: CpuSet.of([3]) }]);
  });

  it('lies on the nodes of the host that memnode names', () => {
    const two = "<cell id='0' cpus='0-1' memory='64' unit='MiB'/><cell id='1' cpus='2-3' memory='64' unit='MiB'/>";
    const tune =
      "<numatune><memnode cellid='0' mode='strict' nodeset='1'/><memnode cellid='1' mode='strict' nodeset='0'/></numatune>";
    const defined = cells(two, tune);
    expect(defined.warnings).toEqual([]);
    expect(nodes(defined)).toMatchObject([{ pnode: 1 }, { pnode: 0 }]);
    const text = formatDomainXml(defined.domain);
    expect(text).toMatch(/<memnode cellid='0' mode='strict' nodeset='1'\/>/);
    expect(nodes(define(text))).toEqual(nodes(defined));
    const wide = cells(two, "<numatune><memnode cellid='0' mode='preferred' nodeset='2-3'/></numatune>");
    expect(wide.warnings).toEqual([expect.stringContaining('/domain/numatune/memnode')]);
    expect(nodes(wide)).toMatchObject([{ pnode: 2 }, { pnode: 1 }]);
  });

  it('and those nodes stay what they are in a file, in JSON and in XML', () => {
    const file = [
      'name="n"\ntype="hvm"\nmemory=128\nvcpus=2',
      'vnuma=[["pnode=1","size=64","vcpus=0","vdistances=10,20"],["pnode=0","size=64","vcpus=1","vdistances=20,10"]]\n',
    ].join('\n');
    const { definition } = fromXlConfig(file, { format: 'xen-xl', makeUuid: () => UUID });
    expect(definition.cpu?.numa).toMatchObject([{ pnode: 1 }, { pnode: 0 }]);
    const text = formatDomainXml(toDomain(definition));
    expect(text).toContain("<memnode cellid='0' mode='strict' nodeset='1'/>");
    const again = define(text).definition;
    expect(toXlConfig(again, 'xen-xl')).toMatch(/"pnode=1",\s+"size=64",\s+"vcpus=0"/);
    expect(fromLibxlConfig(toLibxlConfig(again)).definition.cpu?.numa).toMatchObject([{ pnode: 1 }, { pnode: 0 }]);
  });

  it('takes cells by their ids, in whatever order they stand', () => {
    const defined = cells(
      "<cell id='1' cpus='2-3' memory='32' unit='MiB'/><cell id='0' cpus='0' memory='96' unit='MiB'/>",
    );
    expect(nodes(defined)).toMatchObject([
      { memkb: 96 * 1024, pnode: 0, vcpus: CpuSet.of([0, 1]) },
      { memkb: 32 * 1024, pnode: 1, vcpus: CpuSet.of([2, 3]) },
    ]);
  });

  it('a running guest does not see on which nodes it lies: a migration may change them', () => {
    const two = "<cell id='0' cpus='0-1' memory='64' unit='MiB'/><cell id='1' cpus='2-3' memory='64' unit='MiB'/>";
    const there = cells(two, "<numatune><memnode cellid='0' mode='strict' nodeset='3'/></numatune>");
    expect(abiDifferences(cells(two).definition, there.definition)).toEqual([]);
    const other = cells(two.replace("cpus='0-1'", "cpus='0'").replace("cpus='2-3'", "cpus='1-3'"));
    expect(abiDifferences(cells(two).definition, other.definition)).toEqual([expect.stringContaining('/domain/cpu')]);
  });

  it('refuses cells that libxl would refuse', () => {
    expect(() => cells("<cell id='0' cpus='0-3' memory='64' unit='MiB'/>")).toThrow('its cells have 65536 KiB');
    const overlap = "<cell id='0' cpus='0-3' memory='64' unit='MiB'/><cell id='1' cpus='5' memory='64' unit='MiB'/>";
    expect(() => cells(overlap)).toThrow('each of the 4 vcpus once');
  });
});
