import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { UsageError } from '../../../../src/errors/errors.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import type { Definition } from '../../../../src/domain/definition/model.js';
import { parseDeviceXml, readDefinition } from '../../../../src/domain/definition/read.js';
import { validateDefinition } from '../../../../src/domain/definition/validate/definition.js';
import { formatDeviceXml, toDomain } from '../../../../src/domain/definition/write.js';
import { guest, PVH_OS, RICH_HVM } from './guests.js';

const read = (text: string, lenient = false): { definition: Definition; warnings: readonly string[] } =>
  readDefinition(parseDomainXml(text), { lenient });
const rewritten = (definition: Definition): string => formatDomainXml(toDomain(definition));

function failureOf(act: () => unknown): UsageError {
  try {
    act();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Where elements stood in the text, formatting changes. */
const placeless = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, one: unknown) => {
      if (key === 'at' && typeof one === 'object' && one !== null && 'line' in one) return undefined;
      return one instanceof Map ? [...(one as Map<string, string>)] : one;
    }),
  );

describe('a definition', () => {
  it('is read into types', () => {
    const { definition, warnings } = read(RICH_HVM);
    expect(warnings).toEqual(['/domain/seclabel: security labels are kept and not applied']);
    expect(definition).toMatchObject({
      title: 'The shop',
      genid: '43dc0cf8-809b-4adb-9bea-a9abb5f3d90e',
      memoryCurrentKiB: 131_072,
      vcpuCpuset: CpuSet.of([0, 1, 2, 4, 5, 6, 7]),
      cpuShares: 512,
      pins: [
        { vcpu: 0, cpus: CpuSet.of([0, 1]) },
        { vcpu: 1, cpus: CpuSet.of([2]) },
      ],
      os: {
        arch: 'x86_64',
        loader: { path: '/usr/lib/xen/boot/ovmf.bin', type: 'pflash', readonly: true },
        acpiTables: { type: 'slic', path: '/sys/firmware/acpi/tables/SLIC' },
        boot: ['cdrom', 'hd'],
      },
      features: {
        pae: true,
        acpi: true,
        apic: true,
        hap: false,
        viridian: true,
        passthrough: { enabled: true, mode: 'share_pt' },
      },
      clock: {
        base: { offset: 'variable', adjustmentSeconds: -3600, basis: 'localtime' },
        timers: [
          { name: 'tsc', present: true, mode: 'paravirt' },
          { name: 'hpet', present: false },
        ],
      },
      lifecycle: { onPoweroff: 'preserve', onReboot: 'rename-restart', onCrash: 'coredump-restart' },
      emulator: '/usr/bin/qemu-system-x86_64',
      deviceModelArgs: ['-device', 'nvme,serial=1'],
    });
    expect(definition.cpu?.numa.map(({ memoryKiB }) => memoryKiB)).toEqual([131_072, 131_072]);
    expect(definition.foreign.map(({ name }) => name)).toEqual(['seclabel']);
  });

  it('has each device in its own type', () => {
    const { devices } = read(RICH_HVM).definition;
    expect(devices).toHaveLength(26);
    expect(devices.find(({ kind }) => kind === 'disk')).toMatchObject({
      source: { type: 'block', path: '/dev/vg/web' },
      driver: 'phy',
      discard: 'unmap',
      shareable: true,
      backendDomain: 'storage',
      alias: 'xvda',
    });
    expect(devices[1]).toMatchObject({ device: 'cdrom', guestAddress: { type: 'drive', bus: 1 } });
    expect(devices[2]).toMatchObject({
      source: { type: 'network', hosts: [{ name: 'mon1', port: 6789 }, { name: 'mon2' }], auth: { username: 'admin' } },
    });
    expect(devices[3]).toMatchObject({ type: 'usb', model: 'qusb1', ports: 6 });
    expect(devices[4]).toMatchObject({ type: 'xenbus', maxGrantFrames: 64, maxEventChannels: 2047 });
    expect(devices[6]).toMatchObject({
      mac: '00:16:3e:0a:0b:0c',
      ifname: undefined,
      openvswitch: true,
      vlan: { trunk: true, tags: [{ id: 42, nativeMode: 'untagged' }, { id: 43 }] },
      outbound: { average: 1024, peak: 2048 },
      addresses: [{ address: '10.0.0.4', prefix: 24 }],
    });
    expect(devices[7]).toMatchObject({ source: { type: 'network', network: 'default', portgroup: 'lab' } });
    expect(devices[8]).toMatchObject({ source: { type: 'ethernet' }, ifname: 'web0', backendDomain: 'net' });
    expect(devices[10]).toMatchObject({
      source: { type: 'tcp', mode: 'bind', telnet: true, at: { host: '127.0.0.1', service: '4555' } },
      port: 1,
    });
    expect(devices[11]).toMatchObject({
      source: { type: 'udp', bind: { service: '4556' }, connect: { host: '10.0.0.9', service: '4557' } },
    });
    expect(devices[14]).toMatchObject({
      kind: 'channel',
      source: { mode: 'bind', path: '/run/web.agent' },
      name: 'org.agent.0',
    });
    expect(devices[17]).toMatchObject({
      type: 'vnc',
      port: 5907,
      listen: { address: '127.0.0.1' },
      password: 'secret',
    });
    expect(devices[18]).toMatchObject({ type: 'spice', port: undefined, tlsPort: 5999, copyPaste: false });
    expect(devices[21]).toMatchObject({ kind: 'video', model: 'qxl', vgaMemKiB: 16_384, primary: true });
    expect(devices[22]).toMatchObject({
      type: 'pci',
      address: { bus: 5, function: 1 },
      writeFiltering: false,
      managed: true,
    });
    expect(devices[24]).toMatchObject({ identity: { by: 'product', vendor: 0x1234, product: 0xbeef } });
  });

  it.each([
    ['HVM', RICH_HVM],
    [
      'PV',
      guest({
        os: `<bootloader>pygrub</bootloader><bootloader_args>-q  --debug</bootloader_args><os><type>linux</type></os>`,
        more: "<features><xen><e820_host state='on'/></xen></features>",
      }),
    ],
    ['PVH', guest({ os: PVH_OS, devices: "<console type='pty'/>" })],
    ['an absolute clock', guest({ more: "<clock offset='absolute' start='1700000000'/>" })],
    ['a clock that is reset', guest({ more: "<clock offset='localtime' adjustment='reset'/>" })],
    ['an adjusted clock', guest({ more: "<clock offset='utc' adjustment='60'/>" })],
    ['a time zone', guest({ more: "<clock offset='timezone' timezone='Europe/Berlin'/>" })],
    [
      'a named cpu',
      guest({
        more: "<cpu mode='custom' match='exact'><model fallback='forbid'>Haswell</model><vendor>Intel</vendor></cpu>",
      }),
    ],
  ])('comes back as it was: %s', (_what, text) => {
    const { definition } = read(text);
    const again = read(rewritten(definition)).definition;
    expect(placeless(again)).toEqual(placeless(definition));
    expect(rewritten(again)).toBe(rewritten(definition));
  });

  it.each(['quiet.xml', 'busy.xml', 'hvm.xml', 'pv.xml'])('examples/%s is read strictly', (file) => {
    const text = readFileSync(fileURLToPath(new URL(`../../../../examples/${file}`, import.meta.url)), 'utf8');
    expect(read(text).warnings).toEqual([]);
  });

  it('is read from what a running domain says of itself', () => {
    const text = `<domain type='xen' id='7'><name>pv</name><uuid>9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f</uuid>
      <memory unit='KiB'>131072</memory><currentMemory unit='KiB'>131072</currentMemory><vcpu placement='static'>1</vcpu>
      <os><type arch='x86_64' machine='xenpv'>linux</type><kernel>/boot/vmlinuz</kernel></os>
      <clock offset='utc' adjustment='reset'/>
      <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
      <devices>
        <emulator>/usr/lib/xen/bin/qemu-system-i386</emulator>
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/d' index='1'/><backingStore/><target dev='xvda' bus='xen'/></disk>
        <controller type='xenbus' index='0'/>
        <interface type='bridge'><mac address='00:16:3e:0a:0b:0c'/><source bridge='xenbr0'/><script path='vif-bridge'/><target dev='vif7.0'/></interface>
        <console type='pty' tty='/dev/pts/1'><source path='/dev/pts/1'/><target type='xen' port='0'/></console>
        <input type='mouse' bus='xen'/><input type='keyboard' bus='xen'/>
        <graphics type='vnc' port='5900' autoport='yes' listen='127.0.0.1'><listen type='address' address='127.0.0.1' fromConfig='0'/></graphics>
        <video><model type='xen' vram='4096' heads='1' primary='yes'/></video>
        <memballoon model='xen'/>
      </devices></domain>`;
    expect(read(text).warnings).toEqual([]);
    expect(validateDefinition(read(text).definition)).toEqual([]);
  });
});

describe('S06: what is not known', () => {
  it.each([
    ['an element', { more: '<iothreads>2</iothreads>' }, '/domain: <iothreads>'],
    ['a feature', { more: '<features><ras/></features>' }, '/domain/features: <ras>'],
    ['an attribute', { more: "<clock offset='utc' drift='1'/>" }, "/domain/clock: attribute 'drift'"],
    ['a value', { more: "<clock offset='moon'/>" }, '"moon" is not one of utc'],
    ['text', { more: '<features>acpi</features>' }, '/domain/features: text'],
    ['a second clock', { more: "<clock offset='utc'/><clock offset='utc'/>" }, '/domain/clock: occurs more than once'],
    ['a device', { devices: '<toaster/>' }, '/domain/devices/toaster[1]'],
    [
      'part of the second disk',
      { devices: "<disk><target dev='xvda'/></disk><disk><target dev='xvdb'/><iotune/></disk>" },
      '/domain/devices/disk[2]: <iotune>',
    ],
    ['a disk without target', { devices: '<disk/>' }, '/domain/devices/disk[1]/target: is missing'],
    [
      'a bad MAC',
      { devices: "<interface type='ethernet'><mac address='00:16'/></interface>" },
      '"00:16" is not a MAC address',
    ],
    [
      'an interface of another kind',
      { devices: "<interface type='user'/>" },
      '"user" is not one of bridge, network, ethernet',
    ],
    ['a bridge without name', { devices: "<interface type='bridge'/>" }, 'source/@bridge: is missing'],
    [
      'a bad PCI slot',
      { devices: "<hostdev mode='subsystem' type='pci'><source><address slot='0x20'/></source></hostdev>" },
      '"0x20" is not a number from 0 to 31',
    ],
    [
      'a capability',
      { devices: "<hostdev mode='capabilities' type='misc'/>" },
      '"capabilities" is not one of subsystem',
    ],
    [
      'a USB device of nobody',
      { devices: "<hostdev mode='subsystem' type='usb'><source/></hostdev>" },
      'needs an <address>',
    ],
    ['shares', { more: '<cputune><shares>0</shares></cputune>' }, '/domain/cputune/shares'],
    [
      'two addresses that differ',
      { devices: "<graphics type='vnc' listen='1.2.3.4'><listen type='address' address='4.3.2.1'/></graphics>" },
      'is not the address',
    ],
  ])('is an error naming it where reading is strict: %s', (_what, parts, message) => {
    const error = failureOf(() => read(guest(parts)));
    expect(error).toMatchObject({ code: 'E_USAGE_DOMAIN_XML' });
    expect(error.message.replace(/ \(line \d+\)/, '')).toContain(message);
  });

  it('is kept with a warning where it comes from a peer', () => {
    const text = guest({
      more: '<iothreads>2</iothreads>',
      devices: "<toaster slots='2'/><disk><target dev='xvda'/><iotune><x/></iotune></disk><disk nonsense='1'/>",
    });
    const { definition, warnings } = read(text, true);
    expect(warnings).toHaveLength(4);
    const out = rewritten(definition);
    for (const kept of ['<iothreads>2</iothreads>', "<toaster slots='2'/>", '<iotune>', "<disk nonsense='1'/>"]) {
      expect(out).toContain(kept);
    }
    expect(definition.devices.map(({ kind }) => kind)).toEqual(['opaque', 'disk', 'opaque']);
  });

  it('has a bound on devices, whoever sends them', () => {
    const text = guest({ devices: "<input type='mouse' bus='xen'/>".repeat(1025) });
    expect(() => read(text, true)).toThrow('more than 1024 devices');
  });

  it('names the line', () => {
    expect(() => read(RICH_HVM.replace("<sound model='ac97'/>", "<sound model='gramophone'/>"))).toThrow(
      /sound\[1\]\/@model \(line \d\d\)/,
    );
  });
});

describe('a device alone', () => {
  it('is read and written for hotplug', () => {
    const text = formatDeviceXml(parseDeviceXml("<controller type='usb' index='1' model='qusb2' ports='8'/>"));
    expect(text).toBe("<controller type='usb' index='1' model='qusb2' ports='8'/>\n");
    expect(() => parseDeviceXml('<toaster/>')).toThrow('/toaster');
  });

  it('keeps any path and name', () => {
    const clean = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text));
    fc.assert(
      fc.property(clean, clean, fc.boolean(), (path, target, shareable) => {
        const xml = formatDeviceXml({
          ...(parseDeviceXml("<disk><source file='/x'/><target dev='xvda'/></disk>") as Extract<
            ReturnType<typeof parseDeviceXml>,
            { kind: 'disk' }
          >),
          source: { type: 'file', path },
          target,
          shareable,
        });
        expect(parseDeviceXml(xml)).toMatchObject({ source: { path }, target, shareable });
      }),
    );
  });
});
