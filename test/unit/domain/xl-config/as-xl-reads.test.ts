import { describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { applyDefaults } from '../../../../src/domain/definition/defaults.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { checkDefinition } from '../../../../src/domain/definition/validate/definition.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { toLibxlConfig } from '../../../../src/domain/libxl-json/to-libxl.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import { fromXlConfig } from '../../../../src/domain/xl-config/from-config.js';
import { toXlConfig } from '../../../../src/domain/xl-config/to-config.js';
import { UsageError } from '../../../../src/errors/errors.js';

/* Files that people and peers have, each with what xl makes of it (Xen 4.17 to 4.20, libxlu and xl_parse.c). */

const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };

interface Read {
  readonly definition: Definition;
  /** What libxl gets for the domain XML that the file became. */
  readonly config: Record<string, never>;
  readonly warnings: readonly string[];
  /** The file that is made of that XML. */
  readonly cfg: string;
}

function read(source: string, format: 'xen-xl' | 'xen-xm' = 'xen-xl'): Read {
  const { definition, warnings } = fromXlConfig(source, {
    format,
    makeUuid: () => '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f',
  });
  const complete = applyDefaults(definition, context);
  checkDefinition(complete);
  const xml = formatDomainXml(toDomain(complete));
  const again = readDefinition(parseDomainXml(xml)).definition;
  const config = toLibxlConfig(again) as Record<string, never>;
  const cfg = toXlConfig(again, 'xen-xl');
  // The file that comes out means the same.
  const back = fromXlConfig(cfg, { format: 'xen-xl', makeUuid: () => '' });
  expect(toLibxlConfig(applyDefaults(back.definition, context))).toEqual(config);
  return { definition: again, config, warnings, cfg };
}

const guest = (type: string, more: string): string =>
  `name = "g"\ntype = "${type}"\n${type === 'hvm' ? '' : 'kernel = "/boot/k"\n'}memory = 256\n${more}\n`;
const pv = (more: string): string => guest('pv', more);
const hvm = (more: string): string => guest('hvm', more);

describe('numbers of a file, as strtol reads them', () => {
  it.each([
    ['010', 8],
    ['0x10', 16],
    ['"017"', 15],
    ['" 12"', 12],
    ['"+3"', 3],
  ])('S02: %s vcpus are %d', (text, vcpus) => {
    expect(read(pv(`vcpus = ${text}`)).definition.vcpusMax).toBe(vcpus);
  });

  it.each(['08', '"8 "', '0x', '"1e3"', '1f', '-1'])('S02: %s is none, as to xl', (text) => {
    expect(() => read(pv(`vcpus = ${text}`))).toThrow(UsageError);
  });

  it('S02: what is wrong about a leading 0 is said', () => {
    expect(() => read(pv('vcpus = 08'))).toThrow(/line 5, column 9: vcpus: "08" .*the leading 0 makes it octal/);
  });

  it('S02: within a device they are decimal, whatever they begin with', () => {
    const { config } = read(pv('vif = ["mtu=01500"]\npci = ["05:00.0,permissive=01"]'));
    expect(config).toMatchObject({ nics: [{ mtu: 1500 }], pcidevs: [{ permissive: true }] });
  });
});

describe('disks of a file', () => {
  it.each([
    ['file:/srv/a.img,ioemu:hda,w', { pdev_path: '/srv/a.img', vdev: 'hda', format: 'raw', readwrite: 1 }],
    ['file:/srv/a.iso,ioemu:hdc:cdrom,r', { pdev_path: '/srv/a.iso', vdev: 'hdc', is_cdrom: 1, readwrite: 0 }],
    ['ioemu:file:/srv/a.img,hda,w', { pdev_path: '/srv/a.img', vdev: 'hda' }],
    ['tap:tapdisk:qcow2:/srv/a.q,phy:xvda,w', { pdev_path: '/srv/a.q', format: 'qcow2', vdev: 'xvda' }],
    ['tap2:vhd:/srv/a.vhd,xvda,r', { pdev_path: '/srv/a.vhd', format: 'vhd', readwrite: 0 }],
    ['phy:/dev/vg/a,xvda1,w', { pdev_path: '/dev/vg/a', vdev: 'xvda1' }],
    ['drbd:mail2-root,xvda2,w', { pdev_path: 'mail2-root', vdev: 'xvda2', script: 'block-drbd' }],
    ['iscsi:iqn=x', undefined],
    ['phy:vg9/swap,xvda1,w', { pdev_path: '/dev/vg9/swap', vdev: 'xvda1' }],
    ['nbd:host:10809,xvda,w', { pdev_path: 'host:10809', script: 'block-nbd' }],
    ['script=block-iscsi,vdev=xvda,target=iqn=iqn.2001-05.x:a,portal=10.0.0.1', { script: 'block-iscsi' }],
    ['untrusted,vdev=xvda,target=/srv/a', { trusted: 'False' }],
    ['trusted,vdev=xvda,target=/srv/a', { trusted: 'True' }],
    ['/srv/a,,xvda,rw,direct-io-safe', { direct_io_safe: true }],
    ['  /srv/a, raw, xvda, ro', { pdev_path: '/srv/a', readwrite: 0 }],
    ['rbd:pool/image,raw,xvda,w', { pdev_path: 'rbd:pool/image:auth_supported=none', vdev: 'xvda' }],
  ])('S02: %j', (text, fields) => {
    const source = pv(`disk = [${JSON.stringify(text)}]`);
    if (fields === undefined) expect(() => read(source)).toThrow(UsageError);
    else expect(read(source).config).toMatchObject({ disks: [fields] });
  });

  it.each([
    ['tap:qcow2:/srv/a,xvda,w,format=raw', 'format is given more than once'],
    ['foo:/srv/a,xvda,w', '"foo:" is not a prefix of xl'],
    ['/srv/a,raw,xvda,w,speed=9', '"speed" is not a parameter of xl'],
  ])('S02: %j is refused, as by xl', (text, why) => {
    expect(() => read(pv(`disk = [${JSON.stringify(text)}]`))).toThrow(why);
  });

  it('S02: parameters of COLO are left out by name', () => {
    expect(read(pv('disk = ["/srv/a,raw,xvda,w,colo,colo-host=h"]')).warnings).toEqual([
      expect.stringMatching(/^line 5: disk: colo is not carried over/),
      expect.stringMatching(/^line 5: disk: colo-host is not carried over/),
    ]);
  });
});

describe('processors of a file', () => {
  const all = (but: readonly number[]): number[] =>
    Array.from({ length: 4096 }, (_, cpu) => cpu).filter((cpu) => !but.includes(cpu));

  it.each([
    ['"all,^0"', [all([0]), all([0])]],
    [
      '"0-7,^2-3"',
      [
        [0, 1, 4, 5, 6, 7],
        [0, 1, 4, 5, 6, 7],
      ],
    ],
    ['["2", "3-8,^5"]', [[2], [3, 4, 6, 7, 8]]],
    ['["all,^1-2", "0"]', [all([1, 2]), [0]]],
    ['["1"]', [[1]]],
  ])('L06: cpus = %s', (text, sets) => {
    const { config, cfg } = read(pv(`vcpus = 2\ncpus = ${text}`));
    expect(config).toMatchObject({
      b_info: { vcpu_hard_affinity: sets.map((set) => CpuSet.of(set)), numa_placement: 'False' },
    });
    expect(cfg).toContain('cpus = ');
  });

  it.each(['all', 'all,0-3'])('L06: cpus = %j pins nothing', (text) => {
    expect(read(pv(`cpus = "${text}"`)).config).not.toHaveProperty('b_info.vcpu_hard_affinity');
  });

  it.each(['nodes:0', 'nodes:0-1,^node:1', '1,node:1,^6', 'all,^node:1'])(
    'L06: cpus = %j needs the host, which a warning says with a remedy',
    (text) => {
      const { config, warnings } = read(pv(`vcpus = 2\ncpus = "${text}"`));
      expect(config).not.toHaveProperty('b_info.vcpu_hard_affinity');
      expect(warnings).toEqual([expect.stringMatching(/^line 6: cpus: .*NUMA nodes.*xl info -n/)]);
    },
  );

  it.each(['^all', '3-1', 'x', '0,^0', 'node:', '1-2-3'])('L06: cpus = %j is refused', (text) => {
    expect(() => read(pv(`cpus = "${text}"`))).toThrow('is not a list of processors');
  });
});

describe('PCI devices of a file', () => {
  it.each([
    ['0b:00.0,permissive=1,msitranslate=1', { bus: 11, permissive: true, msitranslate: true }],
    ['0c:1a.0,permissive=1,rdm_policy=relaxed,seize=1', { dev: 26, rdm_policy: 'relaxed', seize: true }],
    ['0b:00.0@6', { bus: 11, func: 0, vdevfn: 48 }],
    ['0b:00.*', { bus: 11, func: 0, vfunc_mask: 0xffff_ffff }],
    ['bdf=0001:0b:00.3,vslot=1f,power_mgmt=1', { domain: 1, func: 3, vdevfn: 248, power_mgmt: true }],
  ])('L16: %j', (text, fields) => {
    expect(read(hvm(`pci = ["${text}"]`)).config).toMatchObject({ pcidevs: [fields] });
  });

  it('L16: the general settings hold where a device does not say otherwise', () => {
    const { config } = read(hvm('pci_permissive = 1\npci_msitranslate = 1\npci = ["05:00.0", "06:00.0,permissive=0"]'));
    expect(config).toMatchObject({
      pcidevs: [
        { permissive: true, msitranslate: true },
        { bus: 6, msitranslate: true },
      ],
    });
    expect(config).not.toHaveProperty('pcidevs.1.permissive');
  });

  it('L16: a device by its name on the host is refused with the remedy', () => {
    expect(() => read(hvm('pci = ["name=nic1"]'))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('xl pci-assignable-list -n') as unknown }),
    );
  });

  it.each(['0b:20.0', '0b:00.8', '1ffff:0b:00.0', '0b:00.0@20', '0b:00.0,x=1', 'permissive=1'])(
    'L16: %j is refused, as by xl',
    (text) => {
      expect(() => read(hvm(`pci = ["${text}"]`))).toThrow(UsageError);
    },
  );
});

describe('network cards of a file', () => {
  it.each([
    ['10Mb/s', { rate_bytes_per_interval: 62_500, rate_interval_usecs: 50_000 }],
    ['1000KB/s@20ms', { rate_bytes_per_interval: 20_000, rate_interval_usecs: 20_000 }],
    ['4294967295KB/s@1u', { rate_bytes_per_interval: 4_294_967, rate_interval_usecs: 1 }],
    ['010MB/s', { rate_bytes_per_interval: 400_000 }],
  ])('S42: rate=%s', (rate, fields) => {
    expect(read(pv(`vif = ["bridge=b,rate=${rate}"]`)).config).toMatchObject({ nics: [fields] });
  });

  it.each(['4294967296Kb/s', '0Kb/s', '1Mb/s@4295s', '1Mb/s@0ms', '10', '4294967295GB/s@4294s'])(
    'S42: rate=%s is more than libxlu takes',
    (rate) => {
      expect(() => read(pv(`vif = ["bridge=b,rate=${rate}"]`))).toThrow(UsageError);
    },
  );

  it('S42: a model means nothing outside of HVM, and is left out by name', () => {
    const { config, warnings } = read(pv('vif = ["bridge=b,model=e1000", "mac=00:16:3e:00:00:02,type=ioemu"]'));
    expect(config).toMatchObject({ nics: [{ nictype: 'vif' }, { nictype: 'vif' }] });
    expect(warnings).toEqual([
      'line 5: vif: model=e1000 has no meaning for a PV guest; its card is paravirtual',
      'line 5: vif: type=ioemu has no meaning for a PV guest; its card is paravirtual',
    ]);
  });

  it('S42: what only xl can say is carried, and what it does not know is named', () => {
    const { config, warnings } = read(pv('vif = ["gatewaydev=eth1,untrusted,speed=9,forwarddev=x"]'));
    expect(config).toMatchObject({ nics: [{ gatewaydev: 'eth1', trusted: 'False' }] });
    expect(warnings).toEqual([
      'line 5: vif: speed is not carried over: it is not a parameter of xl',
      'line 5: vif: forwarddev is not carried over: it belongs to COLO replication, which xenferry does not support',
    ]);
  });
});

describe('the parts of an HVM guest', () => {
  it('S18: memory of the card without a word of the card', () => {
    expect(read(hvm('videoram = 64')).config).toMatchObject({
      b_info: { video_memkb: 65_536, 'type.hvm': { vga: { kind: 'cirrus' } } },
    });
  });

  it('S18: a card is there without a screen, as libxl has it', () => {
    expect(read(hvm('vnc = 0')).config).toMatchObject({ b_info: { 'type.hvm': { vga: { kind: 'cirrus' } } } });
  });

  it('S18: several sound cards', () => {
    const { config, definition } = read(hvm('soundhw = "sb16,es1370"'));
    expect(config).toMatchObject({ b_info: { 'type.hvm': { soundhw: 'sb16,es1370' } } });
    expect(definition.devices.filter(({ kind }) => kind === 'sound')).toHaveLength(2);
  });
});

describe('files that a peer takes', () => {
  it('S02: a bootloader has the command line of its kernel', () => {
    const source =
      'name="mailhost"\ntype="pv"\nmemory=512\nbootloader="pygrub"\nextra="console=hvc0 ro"\ndisk=["/dev/vg1/mail,raw,xvda,rw"]';
    expect(read(source).config).toMatchObject({ b_info: { bootloader: 'pygrub', cmdline: 'console=hvc0 ro' } });
  });

  it('S18: spice is on a port below those of VNC', () => {
    const { config } = read(hvm('spice=1\nspiceport=5001\nspicedisable_ticketing=1\nvnc=0'));
    expect(config).toMatchObject({
      b_info: { 'type.hvm': { spice: { port: 5001, host: '0.0.0.0' }, vnc: { enable: 'False' } } },
    });
  });

  it("L04: features have libvirt's names in the definition and libxl's in the file", () => {
    const { definition, cfg } = read(hvm('cpuid="host,sse3=0,page1gb=0,clfsh=0"'));
    expect(definition.cpu?.features.map(({ name }) => name)).toEqual(['pni', 'pdpe1gb', 'clflush']);
    expect(cfg).toContain('cpuid = "host,sse3=0,page1gb=0,clfsh=0"');
  });
});

describe('a file of xm', () => {
  it('S02: with a prefix before each part of its disks', () => {
    const { definition, warnings } = read(
      `builder = 'hvm'\nname = 'shop'\nmemory = 2048\nvcpus = 2\n` +
        `device_model_version = 'qemu-xen-traditional'\n` +
        `disk = [\n 'file:/srv/vm/shop.img,ioemu:hda,w',\n 'file:/srv/iso/setup.iso,ioemu:hdc:cdrom,r'\n]\n` +
        `vif = [ 'type=ioemu, bridge=xenbr7' ]\non_xend_stop = 'shutdown'\nboot = 'dc'\nvnc = 1\n`,
      'xen-xm',
    );
    expect(definition.devices.filter(({ kind }) => kind === 'disk')).toMatchObject([
      { target: 'hda', source: { path: '/srv/vm/shop.img' }, driver: 'qemu' },
      { target: 'hdc', device: 'cdrom', source: { path: '/srv/iso/setup.iso' } },
    ]);
    expect(warnings).toEqual([
      expect.stringContaining('device_model_version'),
      expect.stringContaining('on_xend_stop'),
    ]);
  });
});

describe('cpuid of a file', () => {
  it('L04: bits of registers are the features that they are', () => {
    const { config, definition, warnings } = read(
      hvm(
        'cpuid = ["0x00000001:ecx=x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx", "0x7,0x00:ebx=xxxxxxxxxxxxxxxxxx00x0000x0x0x00"]',
      ),
    );
    expect(config).toMatchObject({
      b_info: {
        cpuid: [
          { leaf: 1, ecx: 'x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx' },
          { leaf: 7, subleaf: 0, ebx: expect.stringMatching(/^[x0]{32}$/) as unknown },
        ],
      },
    });
    expect(definition.cpu?.features).toContainEqual({ name: 'rdrand', policy: 'disable' });
    expect(warnings.every((text) => text.startsWith('b_info.cpuid.'))).toBe(true);
  });

  it.each([
    '0x1',
    'ecx=x',
    '0x1:ecx=x',
    '0x1:efx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    '0x1:ecx=2xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  ])('L04: %j is no register', (text) => {
    expect(() => read(hvm(`cpuid = ["${text}"]`))).toThrow(UsageError);
  });

  it('L04: what is more than a bit, or the value of the host, a warning names', () => {
    expect(read(hvm('cpuid = "host,tm=0,family=6,aes=k"')).warnings).toEqual([
      expect.stringMatching(/^line 4: cpuid: family=6 is not carried over/),
      expect.stringMatching(/^line 4: cpuid: aes=k is not carried over/),
    ]);
  });

  it('L03: it does not make the guest a hypervisor', () => {
    expect(read(hvm('cpuid = "host,tm=0"')).config).not.toHaveProperty('b_info.nested_hvm');
    expect(read(hvm('nestedhvm = 1')).config).toMatchObject({ b_info: { nested_hvm: 'True' } });
  });
});

describe('viridian of a file', () => {
  it.each([
    ['["base","freq"]', { viridian: 'False', viridian_enable: [0, 1] }],
    ['["defaults","!freq","stimer"]', { viridian: 'True', viridian_enable: [8], viridian_disable: [1] }],
    [
      '["all","!synic"]',
      {
        viridian_disable: [7],
        viridian_enable: Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => bit !== 7),
      },
    ],
    ['1', { viridian: 'True' }],
  ])('L15: %s', (text, fields) => {
    expect(read(hvm(`viridian = ${text}`)).config).toMatchObject({ b_info: { 'type.hvm': fields } });
  });

  it('L15: a group that there is not is refused', () => {
    expect(() => read(hvm('viridian = ["base","basis"]'))).toThrow(/^line 4, column 12: viridian: /);
  });

  it('L15: a running guest shows its groups, and starts with them again', () => {
    const { definition, warnings } = fromLibxlConfig({
      c_info: { type: 'hvm', name: 'winbox', uuid: '4a1c9f0e-0000-4000-8000-000000000003' },
      b_info: { max_memkb: 524_288, target_memkb: 524_288, 'type.hvm': { viridian_enable: [0, 1, 2] } },
    });
    expect(warnings).toEqual([]);
    const xml = formatDomainXml(toDomain(applyDefaults(definition, context)));
    expect(xml).toContain('<xl:item>time_ref_count</xl:item>');
    expect(toLibxlConfig(readDefinition(parseDomainXml(xml)).definition)).toMatchObject({
      b_info: { 'type.hvm': { viridian_enable: [0, 1, 2] } },
    });
  });
});

describe('virtual NUMA nodes of a file', () => {
  it('L05: say how much memory and how many vcpus there are', () => {
    const nodes = '[["size=100","vcpus=0-1","vdistances=10,20"],["size=156","vcpus=2","vdistances=20,10"]]';
    const { config } = read(pv(`memory = 200\nvnuma = ${nodes}`));
    expect(config).toMatchObject({
      b_info: {
        max_memkb: 256 * 1024,
        target_memkb: 200 * 1024,
        max_vcpus: 3,
        vnuma_nodes: [
          { memkb: 102_400, vcpus: CpuSet.of([0, 1]), distances: [10, 20] },
          { vcpus: CpuSet.of([2]), distances: [20, 10] },
        ],
      },
    });
  });

  it('L05: lie on the nodes of the host that they name', () => {
    const { config, cfg } = read(
      hvm('memory = 1024\nvcpus = 2\nvnuma = [["pnode=1","size=512","vcpus=0"],["pnode=0","size=512","vcpus=1"]]'),
    );
    expect(config).toMatchObject({ b_info: { vnuma_nodes: [{ pnode: 1 }, { pnode: 0 }], numa_placement: 'False' } });
    expect(cfg).toMatch(/"pnode=1",[^]*"pnode=0",/);
  });

  it.each([
    ['maxmem = 512', 'maxmem: 512, but the nodes of vnuma have 256 MiB'],
    ['maxvcpus = 2', 'maxvcpus: 2, but the nodes of vnuma have 1 vcpus'],
  ])('L05: %s that is not theirs is refused, as by xl', (line, why) => {
    expect(() => read(pv(`${line}\nvnuma = [["size=256","vcpus=0"]]`))).toThrow(why);
  });
});

describe('what a definition cannot say', () => {
  it.each([
    [hvm('soundhw = "adlib,ac97"'), 'b_info.type.hvm.soundhw (adlib): domain XML has no form for it'],
    [
      hvm('usb = 1\nusbdevice = ["tablet", "host:046d:c52b"]'),
      'b_info.type.hvm.usbdevice_list (host:046d:c52b): domain XML has no form for it',
    ],
    [hvm('boot = "cx"'), 'b_info.type.hvm.boot (x): domain XML has no form for it'],
    [
      hvm('bios = "seabios"\nbios_path_override = "/b"'),
      'b_info.type.hvm.system_firmware: domain XML has no form for it',
    ],
    [hvm('usbctrl = ["type=devicemodel,version=3"]'), 'usbctrls.0: domain XML has no form for it'],
  ])('a list or a word loses nothing in silence: %j', (source, warning) => {
    expect(read(source).warnings).toContain(warning);
  });

  it('is named in the configuration of a running guest, whatever its name', () => {
    const uuid = '4a1c9f0e-0000-4000-8000-000000000003';
    const { warnings } = fromLibxlConfig({
      c_info: { type: 'pv', name: 'g', uuid, domid: 3, ssid_label: 'a:b:c' },
      b_info: {
        max_memkb: 1024,
        claim_mode: 'True',
        irqs: [5],
        novelty: { on: 'True' },
        'type.pv': { slack_memkb: 1 },
      },
      disks: [{ vdev: 'xvda', pdev_path: '/a', removable: 1, colo_host: 'h' }],
      vtpms: [{ devid: 0 }],
      on_watchdog: 'preserve',
    });
    const paths = ['vtpms', 'c_info.ssid_label', 'b_info.irqs', 'b_info.novelty', 'disks.0.colo_host'];
    expect(warnings).toEqual(paths.map((path) => `${path}: domain XML has no form for it`));
  });
});
