import { applyDefaults } from './defaults.js';
import type { Device } from './devices/device.js';
import type { Definition } from './model.js';

/** Defaults complete both definitions; an address that neither has is no difference. */
const COMPLETE = { randomOctets: (): [number, number, number] => [0, 0, 0] };

/** The parts of a definition that a guest or a host would notice, by the path in its XML. */
type Parts = Map<string, string>;

/**
 * Paths that the XML may omit although the configuration has them: only the guest observes them, has booted with them,
 * and older releases did not read all of them. The opposite is a difference.
 */
const MAY_BE_SILENT: readonly RegExp[] = [
  /^cpu$/,
  /^clock\/timer/,
  /^genid$/,
  /^features\/viridian$/,
  /^cputune/,
  /^devices\/controller/,
  /\/options$/,
];

/**
 * Paths in which a received definition differs from the configuration that would run; no values, which may be secrets.
 * Names, UUIDs, titles, metadata, labels and extensions of xenferry (`<shareable/>`) are not compared.
 * @param said the definition that the other host sent
 * @param runs the definition read from its configuration for the toolstack
 */
export function definitionDifferences(said: Definition, runs: Definition): string[] {
  const [before, after] = [partsOf(applyDefaults(said, COMPLETE)), partsOf(applyDefaults(runs, COMPLETE))];
  const isSilent = (path: string): boolean =>
    (!before.has(path) && MAY_BE_SILENT.some((pattern) => pattern.test(path))) ||
    // The XML contains a disk's backend at the source; if the configuration does not, this host chooses one.
    (!after.has(path) && path.endsWith(DISK_DRIVER));
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path) && !isSilent(path),
  );
}

const DISK_DRIVER = '/driver';

/** Default values are left out, so that an absent value equals its default. */
function partsOf(definition: Definition): Parts {
  const { os, features, clock, lifecycle } = definition;
  const parts: Parts = new Map();
  const put = (path: string, value: unknown): void => {
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) return;
    parts.set(path, JSON.stringify(value));
  };
  put('os/type', definition.type);
  put('memory', definition.memoryMaxKiB);
  put('currentMemory', definition.memoryCurrentKiB);
  put('vcpu', definition.vcpusMax);
  put('vcpu/@current', definition.vcpusCurrent);
  put('vcpu/@cpuset', definition.vcpuCpuset);
  put('cputune/vcpupin', definition.pins);
  put('cputune/shares', definition.cpuShares);
  put('genid', definition.genid);
  put('os/@firmware', os.firmware);
  put('os/loader', os.loader);
  put('os/nvram', os.nvram);
  put('os/kernel', os.kernel);
  put('os/initrd', os.initrd);
  put('os/cmdline', os.cmdline);
  put('os/boot', os.boot);
  put('os/acpi/table', os.acpiTables?.path);
  put('bootloader', os.bootloader);
  put('bootloader_args', os.bootloaderArgs);
  for (const [name, value] of Object.entries(features)) put(`features/${name}`, value);
  put('cpu', definition.cpu);
  put('clock', clock.base);
  for (const timer of clock.timers) put(`clock/timer[${timer.name}]`, timer);
  put('on_poweroff', lifecycle.onPoweroff);
  put('on_reboot', lifecycle.onReboot);
  put('on_crash', lifecycle.onCrash);
  put('devices/emulator', definition.emulator);
  put('commandline', definition.deviceModelArgs);
  putDevices(definition.devices, put);
  return parts;
}

function putDevices(devices: readonly Device[], put: (path: string, value: unknown) => void): void {
  const seen = new Map<string, number>();
  for (const device of devices) {
    const found = partOf(device);
    if (found === undefined) continue;
    const [key, value] = found;
    const number = (seen.get(key) ?? 0) + 1;
    seen.set(key, number);
    const path = `devices/${key}${number === 1 ? '' : `(${number})`}`;
    put(path, value);
    if (device.kind === 'disk') put(`${path}${DISK_DRIVER}`, device.driver);
    const { script, ...options } = device.xl ?? {};
    put(`${path}/script`, script);
    put(`${path}/options`, Object.keys(options).length === 0 ? undefined : options);
  }
}

/** A device by its identity; undefined if it is not passed to libxl. */
function partOf(device: Device): [key: string, value: unknown] | undefined {
  switch (device.kind) {
    case 'disk': {
      const { source, discard, format, readonly, transient, backendDomain } = device;
      // File and block device differ only in the backend, which the host chooses.
      const at = source.type === 'file' || source.type === 'block' ? { path: source.path } : source;
      return [
        `disk[${device.target}]`,
        { at, device: device.device, discard, format, readonly, transient, backendDomain },
      ];
    }
    case 'interface': {
      const { alias: _a, guestAddress: _g, extra: _e, xl: _x, linkUp: _l, ...nic } = device;
      return ['interface', nic];
    }
    case 'serial':
    case 'parallel':
      return [`${device.kind}[${device.port ?? 0}]`, device.source];
    case 'channel':
      return [`channel[${device.name ?? ''}]`, [device.targetType, device.source]];
    case 'graphics': {
      const { alias: _a, guestAddress: _g, extra: _e, xl: _x, ...screen } = device;
      return [`graphics[${device.type}]`, screen];
    }
    case 'video':
      return ['video', [device.model, device.vramKiB]];
    case 'input':
      return device.bus === 'usb' ? [`input[${device.type}]`, device.bus] : undefined;
    case 'sound':
      return ['sound', device.model];
    case 'controller': {
      const { alias: _a, guestAddress: _g, extra: _e, xl: _x, ...controller } = device;
      if (device.type === 'xenbus') {
        const { maxGrantFrames, maxEventChannels } = device;
        const isSaid = (maxGrantFrames ?? maxEventChannels) !== undefined;
        return isSaid ? ['controller[xenbus]', { maxGrantFrames, maxEventChannels }] : undefined;
      }
      return device.type === 'usb' ? [`controller[usb:${device.index ?? 0}]`, controller] : undefined;
    }
    case 'hostdev': {
      const { alias: _a, extra: _e, xl: _x, ...hostdev } = device;
      return [`hostdev[${device.type}]`, hostdev];
    }
    case 'opaque':
      return [device.element.name, device.why];
    // In an HVM guest it is the first serial port, which is compared; elsewhere every guest has one.
    case 'console':
    case 'memballoon':
      return undefined;
  }
}
