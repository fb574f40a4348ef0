import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { definitionDifferences } from '../../../../src/domain/definition/differences.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { fieldsBeyondXml } from '../../../../src/domain/libxl-json/beyond-xml.js';
import { readNative } from '../../../../src/domain/libxl-json/native-reading.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { XenferryError } from '../../../../src/errors/errors.js';
import { completeDefinition } from '../definitions.js';
import { changed, LIVE_CONFIGS } from './live-configs.js';

const HVM = 'an HVM guest of 4.17 with PCI, spice, USB and two serial ports';
const PV = 'a PV guest of 4.17 with pygrub, a framebuffer and vkb';
const PVH = 'a PVH guest of 4.20 with vNUMA, channels and paravirtual USB';
type Config = Record<string, Record<string, unknown>>;
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'passes';
  } catch (error) {
    if (!(error instanceof XenferryError)) throw error;
    return `${error.code} ${error.message}`;
  }
};

describe('a running guest that a source tells of', () => {
  it.each(Object.entries(LIVE_CONFIGS))('%s: is read whole, and is what its XML says', (_, config) => {
    const { definition, reaching } = readNative(config);
    expect(reaching).toEqual([]);
    // What a source sends with it: the XML that it has made of the same.
    const xml = formatDomainXml(toDomain(fromLibxlConfig(config).definition));
    const said = readDefinition(parseDomainXml(xml, { trust: 'peer' }), { lenient: true }).definition;
    expect(definitionDifferences(said, definition)).toEqual([]);
  });

  it('every definition that libxl can be told of is read back, and differs in nothing from its XML', () => {
    fc.assert(
      fc.property(completeDefinition, (definition) => {
        const { definition: runs, reaching } = readNative(JSON.parse(JSON.stringify(toLibxlConfig(definition))));
        expect(reaching).toEqual([]);
        const xml = formatDomainXml(toDomain(fromLibxlConfig(toLibxlConfig(definition)).definition));
        const said = readDefinition(parseDomainXml(xml, { trust: 'peer' }), { lenient: true }).definition;
        expect(definitionDifferences(said, runs)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what XML cannot say', () => {
  it.each<[string, string, (config: Config) => void]>([
    ['b_info.newer', PV, ({ b_info: b }) => (b.newer = 1)],
    ['c_info.newer', PV, ({ c_info: c }) => (c.newer = 'x')],
    ['b_info.shadow_memkb', PV, ({ b_info: b }) => (b.shadow_memkb = 512 * 1024 * 1024)],
    ['b_info.iommu_memkb', PV, ({ b_info: b }) => (b.iommu_memkb = 512 * 1024 * 1024)],
    ['b_info.target_memkb', PV, ({ b_info: b }) => (b.target_memkb = 1048577)],
    ['b_info.device_model_version', PV, ({ b_info: b }) => (b.device_model_version = 'qemu_xen_traditional')],
    ['b_info.device_model_user', PV, ({ b_info: b }) => (b.device_model_user = 'postgres')],
    ['b_info.type.hvm', PV, ({ b_info: b }) => (b['type.hvm'] = { serial: 'file:/etc/cron.d/owned' })],
    [
      'b_info.type.hvm.serial',
      HVM,
      ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { serial: 'mon:chardev:x' }),
    ],
    [
      'b_info.type.hvm.usbdevice',
      HVM,
      ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { usbdevice: 'host:1.2' }),
    ],
    ['b_info.type.hvm.boot', HVM, ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { boot: 'c,menu=on' })],
    ['b_info.type.hvm.soundhw', HVM, ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { soundhw: 'all' })],
    [
      'b_info.type.hvm.system_firmware',
      HVM,
      ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { bios: 'seabios' }),
    ],
    [
      'b_info.type.hvm.vnc',
      HVM,
      ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { vga: { kind: 'none' }, vnc: { listen: '0.0.0.0' } }),
    ],
    ['disks.pdev_path', HVM, ({ disks }) => ((disks as unknown as Config[])[1].pdev_path = '/etc/shadow' as never)],
    [
      'disks.pdev_path',
      PV,
      ({ disks }) => ((disks as unknown as Config[])[0].pdev_path = 'rbd:p/i:keyring=/etc/x' as never),
    ],
    ['disks.colo_mode', PV, ({ disks }) => ((disks as unknown as Config[])[0].colo_mode = 'x' as never)],
    [
      'nics.coloft_forwarddev',
      PV,
      ({ nics }) => ((nics as unknown as Config[])[0].coloft_forwarddev = 'eth0' as never),
    ],
    ['channels', PVH, ({ channels }) => delete (channels as unknown as Config[])[0].name as never],
    ['vkbs.unique_id', PV, ({ vkbs }) => ((vkbs as unknown as Config[])[0].unique_id = 'a,b' as never)],
  ])('%s is refused by name', (path, name, change) => {
    const text = codeOf(() => readNative(changed(name, change)));
    expect(text).toContain('E_REFUSED_NATIVE_FIELDS');
    expect(text).toContain(path);
  });

  it.each<[string, string, (config: Config) => void]>([
    ['b_info.ioports', PV, ({ b_info: b }) => (b.ioports = [{ first: 0x3f8, number: 8 }])],
    ['b_info.irqs', PV, ({ b_info: b }) => (b.irqs = [4])],
    ['b_info.iomem', PV, ({ b_info: b }) => (b.iomem = [{ start: 0xfed00, number: 1 }])],
    ['b_info.device_tree', PV, ({ b_info: b }) => (b.device_tree = '/tmp/x.dtb')],
    ['b_info.extra_hvm', HVM, ({ b_info: b }) => (b.extra_hvm = ['-chardev'])],
    ['b_info.extra_pv', PV, ({ b_info: b }) => (b.extra_pv = ['-chardev'])],
    ['b_info.type.pv.kernel', PV, ({ b_info: b }) => Object.assign(b['type.pv'] as object, { kernel: '/etc/shadow' })],
    [
      'b_info.type.pvh.pvshim_path',
      PVH,
      ({ b_info: b }) => Object.assign(b['type.pvh'] as object, { pvshim_path: '/x' }),
    ],
    ['b_info.type.hvm.firmware', HVM, ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { firmware: '/x' })],
    [
      'b_info.type.hvm.smbios_firmware',
      HVM,
      ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { smbios_firmware: '/x' }),
    ],
    [
      'b_info.type.hvm.gfx_passthru',
      HVM,
      ({ b_info: b }) => Object.assign(b['type.hvm'] as object, { gfx_passthru: 'True' }),
    ],
    ['b_info.stubdomain_memkb', HVM, ({ b_info: b }) => (b.stubdomain_memkb = 1)],
    ['b_info.vmtrace_buf_kb', HVM, ({ b_info: b }) => (b.vmtrace_buf_kb = 1048576)],
    ['c_info.xsdata', PV, ({ c_info: c }) => (c.xsdata = { a: 'b' })],
    ['c_info.driver_domain', PV, ({ c_info: c }) => (c.driver_domain = 'True')],
    ['c_info.ssid_label', PV, ({ c_info: c }) => (c.ssid_label = 'system_u:system_r:dom0_t')],
    ['p9s', PV, (config) => (config.p9s = [{ tag: 'x', path: '/', security_model: 'none' }] as never)],
    ['dtdevs', PV, (config) => (config.dtdevs = [{ path: '/soc/x' }] as never)],
    ['disks.active_disk', PV, ({ disks }) => ((disks as unknown as Config[])[0].active_disk = '/etc/shadow' as never)],
    ['disks.backend_domid', PV, ({ disks }) => ((disks as unknown as Config[])[0].backend_domid = 3 as never)],
    ['vfbs.backend_domname', PV, ({ vfbs }) => ((vfbs as unknown as Config[])[0].backend_domname = 'other' as never)],
    ['pcidevs.name', HVM, ({ pcidevs }) => ((pcidevs as unknown as Config[])[0].name = 'gpu' as never)],
  ])('%s reaches the host, and needs a leave', (path, name, change) => {
    expect(readNative(changed(name, change)).reaching.map((one) => one.path)).toEqual([path]);
  });

  it('is followed no deeper than libxl has fields, whatever is sent', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 200_000; depth += 1) deep = [deep];
    const around = { b_info: { max_vcpus: 1, max_memkb: 1 } };
    expect(
      fieldsBeyondXml({ disks: deep, 'a/b*': 1, b_info: { 'type.hvm': deep } }, around).map(({ path }) => path),
    ).toEqual(['disks', '?', 'b_info.type.hvm']);
  });
});
