import { plainDevice, type Device, type DeviceBody } from './devices/device.js';
import type { DeviceBase } from './devices/base.js';
import type { Console, Serial } from './devices/character.js';
import type { Disk, DiskBus } from './devices/disk.js';
import { NO_VIDEO, type Input, type Video } from './devices/display.js';
import { completeCells } from './cpu.js';
import type { GuestType } from '../model.js';
import type { Definition } from './model.js';
import { MACHINE, type Os } from './os.js';

/*
 * Everything that a definition may leave out and that is added right after it was read, so
 * that it shows what the guest will get. No other code sets defaults. Idempotent.
 */

/** Sources of generated values. */
export interface DefaultsContext {
  /** Three random octets for each network card without an address: Xen's own prefix is put before them. */
  readonly randomOctets: () => readonly [number, number, number];
}

const XEN_MAC_PREFIX = '00:16:3e';
/** Default number of ports of a USB controller (S21). */
const USB_PORTS = 8;
/** Memory of video cards, by model, with the current device model (facts 3.1); also the minimum. */
export const VIDEO_KIB = { vga: 16 * 1024, xen: 16 * 1024, cirrus: 8 * 1024, qxl: 128 * 1024 } as const;

type Of<K extends DeviceBody['kind']> = Extract<DeviceBody, { kind: K }> & DeviceBase;

function ofKind<K extends DeviceBody['kind']>(devices: readonly Device[], kind: K): Of<K>[] {
  return devices.filter((device): device is Of<K> => device.kind === kind);
}

/** The definition with all defaults set; a new object. */
export function applyDefaults(definition: Definition, context: DefaultsContext): Definition {
  const { type, lifecycle } = definition;
  return {
    ...definition,
    os: osDefaults(definition.os, type),
    // 64-bit HVM guests do not boot without it, and other ones are obsolete.
    features: type === 'hvm' ? { ...definition.features, pae: true } : definition.features,
    lifecycle: {
      onPoweroff: lifecycle.onPoweroff ?? 'destroy',
      onReboot: lifecycle.onReboot ?? 'restart',
      onCrash: lifecycle.onCrash ?? 'destroy',
    },
    cpu: definition.cpu && {
      ...definition.cpu,
      numa: completeCells(definition.cpu.numa, definition.vcpusMax),
    },
    devices: deviceDefaults(definition.devices, type, context),
  };
}

function osDefaults(os: Os, type: GuestType): Os {
  const { kernel, bootloader, boot } = os;
  return {
    ...os,
    machine: os.machine ?? MACHINE[type],
    bootloader: type === 'pv' && kernel === undefined ? (bootloader ?? 'pygrub') : bootloader,
    boot: type === 'hvm' && kernel === undefined && boot.length === 0 ? ['hd'] : boot,
  };
}

function deviceDefaults(given: readonly Device[], type: GuestType, context: DefaultsContext): Device[] {
  const numbered = numberControllers(numberSerials(given));
  const devices = numbered.map((device) => completeDevice(device, type, context));
  return [...devices, ...implicitDevices(devices, type)];
}

/** One device with its defaults set, also for hotplug. */
export function completeDevice(device: Device, type: GuestType, context: DefaultsContext): Device {
  switch (device.kind) {
    case 'disk':
      return { ...device, ...diskDefaults(device) };
    case 'interface':
      return device.mac === undefined ? { ...device, mac: makeMac(context) } : device;
    case 'video':
      return { ...device, ...videoDefaults(device, type) };
    case 'input':
      return { ...device, bus: device.bus ?? inputBus(device, type) };
    case 'console':
      return { ...device, target: device.target ?? (type === 'hvm' ? 'serial' : 'xen'), port: device.port ?? 0 };
    case 'controller':
      return device.type === 'usb'
        ? { ...device, model: device.model ?? 'qusb2', ports: device.ports ?? USB_PORTS }
        : device;
    default:
      return device;
  }
}

/** S46: libxl's assumptions are made explicit, so that `dumpxml` shows them and detach finds the disk. */
function diskDefaults(disk: Disk): Pick<Disk, 'driver' | 'format' | 'bus' | 'readonly'> {
  const { source } = disk;
  const empty = (source.type === 'file' || source.type === 'block') && source.path === undefined;
  return {
    driver: source.type === 'network' ? (disk.driver ?? 'qemu') : disk.driver,
    format: empty ? disk.format : (disk.format ?? 'raw'),
    bus: disk.bus ?? busOf(disk.target),
    readonly: disk.readonly || disk.device === 'cdrom',
  };
}

function busOf(target: string): DiskBus {
  if (target.startsWith('hd')) return 'ide';
  if (target.startsWith('sd')) return 'scsi';
  if (target.startsWith('fd')) return 'fdc';
  return 'xen';
}

function makeMac(context: DefaultsContext): string {
  const octets = context.randomOctets().map((octet) => octet.toString(16).padStart(2, '0'));
  return [XEN_MAC_PREFIX, ...octets].join(':');
}

function videoDefaults(video: Video, type: GuestType): Pick<Video, 'model' | 'vramKiB'> {
  const model = video.model ?? (type === 'hvm' ? 'cirrus' : 'xen');
  // A paravirtual display has its own memory, not the card's.
  return { model, vramKiB: video.vramKiB ?? (type === 'hvm' ? VIDEO_KIB[model] : undefined) };
}

function inputBus(input: Input, type: GuestType): NonNullable<Input['bus']> {
  if (type !== 'hvm') return 'xen';
  return input.type === 'tablet' ? 'usb' : 'ps2';
}

function numberSerials(devices: readonly Device[]): Device[] {
  const take = freeNumbers(ofKind(devices, 'serial').map(({ port }) => port));
  return devices.map((device) => (device.kind === 'serial' ? { ...device, port: device.port ?? take() } : device));
}

function numberControllers(devices: readonly Device[]): Device[] {
  const takers = new Map<string, () => number>();
  const takerOf = (type: string): (() => number) => {
    const known = takers.get(type);
    if (known !== undefined) return known;
    const taker = freeNumbers(
      ofKind(devices, 'controller')
        .filter((one) => one.type === type)
        .map(({ index }) => index),
    );
    takers.set(type, taker);
    return taker;
  };
  return devices.map((device) =>
    device.kind === 'controller' ? { ...device, index: device.index ?? takerOf(device.type)() } : device,
  );
}

/** Returns free numbers, from 0 up. */
function freeNumbers(taken: readonly (number | undefined)[]): () => number {
  const used = new Set(taken);
  let next = 0;
  return () => {
    while (used.has(next)) next += 1;
    next += 1;
    return next - 1;
  };
}

/** Devices that every guest has, whether or not its definition lists them. */
function implicitDevices(devices: readonly Device[], type: GuestType): Device[] {
  const added: Device[] = [];
  const add = (body: DeviceBody): void => {
    added.push(plainDevice(body));
  };
  for (const body of implicitConsoles(devices, type)) add(body);
  if (ofKind(devices, 'graphics').length > 0) {
    const bus = type === 'hvm' ? 'ps2' : 'xen';
    for (const input of ['mouse', 'keyboard'] as const) {
      const there = ofKind(devices, 'input').some((one) => one.type === input && one.bus === bus);
      if (!there) add({ kind: 'input', type: input, bus });
    }
    if (ofKind(devices, 'video').length === 0) {
      const { model, vramKiB } = videoDefaults(NO_VIDEO, type);
      add({ ...NO_VIDEO, model, vramKiB });
    }
  }
  if (!ofKind(devices, 'controller').some((one) => one.type === 'xenbus')) {
    add({ kind: 'controller', type: 'xenbus', index: 0, maxGrantFrames: undefined, maxEventChannels: undefined });
  }
  if (ofKind(devices, 'memballoon').length === 0) add({ kind: 'memballoon', model: 'xen' });
  return added;
}

/**
 * A PV or PVH guest always has one. In an HVM guest the console is the first serial port, so each of
 * the two implies the other (S16).
 */
function implicitConsoles(devices: readonly Device[], type: GuestType): (Console | Serial)[] {
  const consoles = ofKind(devices, 'console');
  const serials = ofKind(devices, 'serial');
  if (type !== 'hvm') {
    if (consoles.length > 0) return [];
    return [{ kind: 'console', source: { type: 'pty', path: undefined }, target: 'xen', port: 0 }];
  }
  const twin = consoles.find(({ target }) => target === 'serial');
  if (twin !== undefined && serials.length === 0) return [{ kind: 'serial', source: twin.source, port: 0 }];
  if (consoles.length > 0 || serials.length === 0) return [];
  return [{ kind: 'console', source: serials[0].source, target: 'serial', port: 0 }];
}
