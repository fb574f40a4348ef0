import fc from 'fast-check';
import { CpuSet } from '../../../src/domain/cpu-set.js';
import { applyDefaults } from '../../../src/domain/definition/defaults.js';
import { plainDevice, type Device } from '../../../src/domain/definition/devices/device.js';
import type { Disk } from '../../../src/domain/definition/devices/disk.js';
import type { CharacterSource } from '../../../src/domain/definition/devices/character.js';
import type { Definition } from '../../../src/domain/definition/model.js';
import type { GuestType } from '../../../src/domain/model.js';

/* Definitions as fast-check makes them: all that a native configuration can say. */

const word = fc.stringMatching(/^[a-z][a-z0-9_-]{0,11}$/);
/** Words with what quoting must survive. */
const path = fc.stringMatching(/^\/[a-z0-9"' ._-]{0,10}[a-z0-9]$/);
const plainPath = fc.stringMatching(/^\/[a-z0-9/._-]{0,10}[a-z0-9]$/);
const line = fc.stringMatching(/^[a-z][a-z0-9"'=,\\ #;-]{0,18}[a-z0-9]$/);
const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const mac = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 3, maxLength: 3 })
  .map((octets) => ['00:16:3e', ...octets.map((one) => one.toString(16).padStart(2, '0'))].join(':'));

const image = fc.constantFrom(
  { driver: 'phy', format: 'raw', block: true },
  { driver: 'qemu', format: 'raw', block: false },
  { driver: 'qemu', format: 'qcow2', block: false },
  { driver: 'qemu', format: 'qed', block: false },
  { driver: 'tap', format: 'vhd', block: false },
  { driver: undefined, format: 'raw', block: true },
  { driver: undefined, format: 'qcow2', block: false },
) satisfies fc.Arbitrary<{ driver: Disk['driver']; format: Disk['format']; block: boolean }>;

function disk(target: string): fc.Arbitrary<Device> {
  return fc
    .record({
      image,
      path: plainPath,
      readonly: fc.boolean(),
      backendDomain: option(word),
      discard: option(fc.constantFrom('unmap', 'ignore')),
    })
    .map(({ image: { driver, format, block }, path: file, readonly, backendDomain, discard }) =>
      plainDevice({
        kind: 'disk',
        device: 'disk',
        source: block ? { type: 'block', path: `/dev${file}` } : { type: 'file', path: `/srv${file}` },
        driver,
        format,
        discard: readonly ? undefined : discard,
        target,
        bus: undefined,
        readonly,
        shareable: false,
        transient: false,
        backendDomain,
      }),
    );
}

const emptyCdrom: Device = plainDevice({
  kind: 'disk',
  device: 'cdrom',
  source: { type: 'file', path: undefined },
  driver: undefined,
  format: undefined,
  discard: undefined,
  target: 'hdc',
  bus: undefined,
  readonly: true,
  shareable: false,
  transient: false,
  backendDomain: undefined,
});

function nic(type: GuestType): fc.Arbitrary<Device> {
  const models = type === 'hvm' ? [undefined, 'netfront', 'e1000', 'rtl8139'] : [undefined];
  return fc
    .record({
      mac,
      bridge: option(word),
      model: fc.constantFrom(...models),
      ifname: option(fc.stringMatching(/^[a-z]{3}[0-9]$/)),
      ip: option(fc.ipV4()),
      average: option(fc.integer({ min: 1, max: 100_000 })),
      tag: option(fc.integer({ min: 1, max: 4094 })),
      backendDomain: option(word),
      mtu: option(fc.integer({ min: 68, max: 9000 })),
    })
    .map(({ mac: address, bridge, model, ifname, ip, average, tag, backendDomain, mtu }) =>
      plainDevice({
        kind: 'interface',
        source: bridge === undefined ? { type: 'ethernet' } : { type: 'bridge', bridge },
        mac: address,
        model,
        script: bridge === undefined ? '/etc/xen/scripts/vif-route' : undefined,
        ifname,
        addresses: ip === undefined ? [] : [{ family: 'ipv4', address: ip, prefix: undefined }],
        inbound: undefined,
        outbound: average === undefined ? undefined : { average, peak: undefined, burst: undefined },
        openvswitch: bridge !== undefined && tag !== undefined,
        vlan:
          bridge === undefined || tag === undefined
            ? undefined
            : { trunk: false, tags: [{ id: tag, nativeMode: undefined }] },
        linkUp: undefined,
        mtu,
        backendDomain,
      }),
    );
}

const source: fc.Arbitrary<CharacterSource> = fc.oneof(
  fc.constantFrom({ type: 'null' as const }, { type: 'pty' as const, path: undefined }),
  plainPath.map((file) => ({ type: 'file' as const, path: file })),
  plainPath.map((file) => ({ type: 'dev' as const, path: file })),
  fc.record({
    type: fc.constant('unix' as const),
    mode: fc.constantFrom('bind' as const, 'connect' as const),
    path: plainPath,
  }),
  fc.record({
    type: fc.constant('tcp' as const),
    mode: fc.constantFrom('bind' as const, 'connect' as const),
    telnet: fc.boolean(),
    at: fc.record({ host: fc.constantFrom('127.0.0.1', '::1', 'log.example'), service: fc.constant('4555') }),
  }),
);

const serials: fc.Arbitrary<Device[]> = fc
  .array(source, { maxLength: 4 })
  .map((sources) => sources.map((one, port) => plainDevice({ kind: 'serial' as const, source: one, port })));

const vnc: fc.Arbitrary<Device> = fc
  .record({
    port: option(fc.integer({ min: 5900, max: 5999 })),
    address: option(fc.ipV4()),
    password: option(word),
    keymap: option(fc.constantFrom('de', 'en-us')),
  })
  .map(({ port, address, password, keymap }) =>
    plainDevice({ kind: 'graphics', type: 'vnc', port, listen: { type: 'address', address }, password, keymap }),
  );

const hostdevs: fc.Arbitrary<Device[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 31 }), { maxLength: 3 })
  .chain((slots) =>
    fc.tuple(
      ...slots.map((slot) =>
        fc.record({ managed: fc.boolean(), filtered: fc.constantFrom(undefined, false) }).map(({ managed, filtered }) =>
          plainDevice({
            kind: 'hostdev' as const,
            type: 'pci' as const,
            address: { domain: 0, bus: 5, slot, function: 1 },
            managed,
            writeFiltering: filtered,
          }),
        ),
      ),
    ),
  );

const usb: fc.Arbitrary<Device[]> = fc.constantFrom<Device[]>(
  [],
  [
    plainDevice({ kind: 'controller', type: 'usb', index: 0, model: 'qusb1', ports: 4 }),
    plainDevice({ kind: 'hostdev', type: 'usb', identity: { by: 'address', bus: 1, device: 16 }, managed: false }),
  ],
);

const channels: fc.Arbitrary<Device[]> = fc.constantFrom<Device[]>(
  [],
  [
    plainDevice({
      kind: 'channel',
      source: { type: 'unix', mode: 'bind', path: '/run/web.agent' },
      targetType: 'xen',
      name: 'org.agent.0',
    }),
    plainDevice({ kind: 'channel', source: { type: 'pty', path: undefined }, targetType: 'xen', name: 'org.agent.1' }),
  ],
);

function devices(type: GuestType): fc.Arbitrary<Device[]> {
  const disks = fc
    .integer({ min: 0, max: 3 })
    .chain((count) => fc.tuple(...['xvda', 'xvdb', 'sdc'].slice(0, count).map(disk)));
  const hvmOnly =
    type === 'hvm'
      ? fc.tuple(serials, fc.constantFrom<Device[]>([], [emptyCdrom]))
      : fc.constant<[Device[], Device[]]>([[], []]);
  return fc
    .tuple(
      disks,
      fc.uniqueArray(nic(type), { maxLength: 3, selector: (one) => JSON.stringify('mac' in one ? one.mac : 0) }),
      hvmOnly,
      option(vnc),
      hostdevs,
      usb,
      channels,
    )
    .map(([someDisks, nics, [ports, cdroms], screen, pci, usbs, some]) => [
      ...someDisks,
      ...cdroms,
      ...nics,
      ...ports,
      ...(screen === undefined ? [] : [screen]),
      ...pci,
      ...usbs,
      ...some,
    ]);
}

function os(type: GuestType): fc.Arbitrary<Definition['os']> {
  const none = {
    arch: undefined,
    machine: undefined,
    firmware: undefined,
    loader: undefined,
    nvram: undefined,
    kernel: undefined,
    initrd: undefined,
    cmdline: undefined,
    boot: [],
    acpiTables: undefined,
    bootloader: undefined,
    bootloaderArgs: [],
  };
  const direct = fc
    .record({ kernel: path, initrd: option(path), cmdline: option(line) })
    .map((fields) => ({ ...none, ...fields }));
  if (type === 'pvh') return direct;
  if (type === 'pv') {
    const loaded = fc
      .record({
        bootloader: fc.constantFrom('pygrub', '/usr/bin/pvgrub'),
        bootloaderArgs: fc.array(word, { maxLength: 2 }),
      })
      .map((fields) => ({ ...none, ...fields }));
    return fc.oneof(direct, loaded);
  }
  const firmware = fc
    .record({
      boot: fc.uniqueArray(fc.constantFrom('hd', 'cdrom', 'network', 'fd'), { minLength: 1 }),
      firmware: fc.constantFrom(undefined, 'efi', 'bios'),
      acpiTables: option(path.map((file) => ({ path: file, type: 'rawset' as const }))),
    })
    .map((fields) => ({ ...none, ...fields }));
  return fc.oneof(direct, firmware);
}

const isPci = (device: Device): boolean => device.kind === 'hostdev' && device.type === 'pci';

/** A definition with its defaults set. */
export const completeDefinition: fc.Arbitrary<Definition> = fc
  .constantFrom<GuestType>('pv', 'pvh', 'hvm')
  .chain((type) =>
    fc
      .record({
        name: word,
        uuid: fc.uuid(),
        memoryMiB: fc.integer({ min: 1, max: 4096 }),
        lessMiB: fc.integer({ min: 0, max: 4096 }),
        vcpusMax: fc.integer({ min: 1, max: 8 }),
        vcpusLess: fc.integer({ min: 0, max: 7 }),
        cpuset: option(fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { minLength: 1, maxLength: 5 })),
        pin: option(fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { minLength: 1, maxLength: 5 })),
        shares: option(fc.integer({ min: 1, max: 65_535 })),
        flags: fc.record({ pae: fc.boolean(), acpi: fc.boolean(), apic: fc.boolean(), viridian: fc.boolean() }),
        hap: option(fc.boolean()),
        e820: option(fc.boolean()),
        passthrough: fc.constantFrom(
          undefined,
          { enabled: false, mode: undefined },
          { enabled: true, mode: undefined },
          { enabled: true, mode: 'share_pt' as const },
        ),
        offset: fc.constantFrom<Definition['clock']['base']>(
          { offset: 'utc', reset: false },
          { offset: 'localtime', reset: false },
          ...(type === 'hvm'
            ? [
                { offset: 'variable' as const, adjustmentSeconds: -3600, basis: 'utc' as const },
                { offset: 'variable' as const, adjustmentSeconds: 7200, basis: 'localtime' as const },
              ]
            : []),
        ),
        tsc: option(fc.constantFrom('native', 'paravirt', 'emulate')),
        hpet: option(fc.boolean()),
        onPoweroff: fc.constantFrom('destroy', 'restart', 'preserve'),
        onReboot: fc.constantFrom('destroy', 'restart', 'rename-restart'),
        onCrash: fc.constantFrom('destroy', 'preserve', 'coredump-destroy', 'coredump-restart'),
        args: fc.array(line, { maxLength: 2 }),
        os: os(type),
        devices: devices(type),
      })
      .map((made): Definition => {
        const memoryMaxKiB = made.memoryMiB * 1024;
        const vcpusCurrent = Math.max(1, made.vcpusMax - made.vcpusLess);
        const setOf = (cpus: number[]): CpuSet => CpuSet.of(cpus);
        const timer = { present: undefined, mode: undefined, tickPolicy: undefined };
        return applyDefaults(
          {
            name: made.name,
            uuid: made.uuid,
            type,
            memoryMaxKiB,
            memoryCurrentKiB: Math.max(1024, memoryMaxKiB - made.lessMiB * 1024),
            vcpusMax: made.vcpusMax,
            vcpusCurrent,
            ...(made.cpuset === undefined ? {} : { vcpuCpuset: setOf(made.cpuset) }),
            metadata: [],
            title: undefined,
            description: undefined,
            genid: undefined,
            os: made.os,
            pins:
              made.cpuset !== undefined || made.pin === undefined
                ? []
                : [{ vcpu: made.vcpusMax - 1, cpus: setOf(made.pin) }],
            cpuShares: made.shares,
            features: {
              ...(type === 'hvm' ? made.flags : { pae: false, apic: false, viridian: false, acpi: type === 'pvh' }),
              hap: type === 'pv' ? undefined : made.hap,
              // xl sets it for each PV guest with PCI devices.
              e820Host: type === 'pv' ? (made.devices.some(isPci) ? true : made.e820) : undefined,
              passthrough: made.passthrough,
            },
            cpu: undefined,
            clock: {
              base: made.offset,
              timers: [
                ...(made.tsc === undefined ? [] : [{ ...timer, name: 'tsc' as const, mode: made.tsc }]),
                ...(made.hpet === undefined || type !== 'hvm'
                  ? []
                  : [{ ...timer, name: 'hpet' as const, present: made.hpet }]),
              ],
            },
            lifecycle: { onPoweroff: made.onPoweroff, onReboot: made.onReboot, onCrash: made.onCrash },
            emulator: undefined,
            devices: made.devices,
            deviceModelArgs: made.args,
            foreign: [],
          },
          { randomOctets: () => [1, 2, 3] },
        );
      }),
  );
