import { element, isElement, type XmlElement } from '../../../xml/element.js';
import { UsageError } from '../../../errors/errors.js';
import { messageOf } from '../../../errors/message-of.js';
import { badXml } from '../../xml-trouble.js';
import { readElement, type ElementReader, type Reading } from '../element-reader.js';
import { readBase, writeBase, type DeviceBase } from './base.js';
import {
  readChannel,
  readConsole,
  readParallel,
  readSerial,
  writeCharacter,
  type Channel,
  type Console,
  type Parallel,
  type Serial,
} from './character.js';
import { readController, writeController, type Controller } from './controller.js';
import { readDisk, writeDisk, type Disk } from './disk.js';
import {
  readGraphics,
  readInput,
  readSound,
  readVideo,
  writeGraphics,
  writeInput,
  writeSound,
  writeVideo,
  type Graphics,
  type Input,
  type Sound,
  type Video,
} from './display.js';
import { readHostdev, writeHostdev, type Hostdev } from './hostdev.js';
import { readInterface, writeInterface, type Interface } from './interface.js';

/** `<memballoon>`. */
export interface Balloon {
  readonly kind: 'memballoon';
  readonly model: 'xen' | 'none' | 'virtio';
}

/** A device that is kept as written: of a kind that Xen does not have, or not understood. */
export interface OpaqueDevice {
  readonly kind: 'opaque';
  readonly element: XmlElement;
  readonly why: string;
  /** Whether the guest can do without it: a warning named it, and the guest does not get it. */
  readonly passedOver: boolean;
}

export type DeviceBody =
  | Disk
  | Interface
  | Console
  | Serial
  | Parallel
  | Channel
  | Graphics
  | Video
  | Input
  | Sound
  | Controller
  | Hostdev
  | Balloon
  | OpaqueDevice;

/** One device of a domain, distinguished by `kind`. */
export type Device = DeviceBody & DeviceBase;

const NO_BASE: DeviceBase = { alias: undefined, guestAddress: undefined, extra: [] };

/** A device without alias, address and extra content. */
export function plainDevice<T extends DeviceBody>(body: T): T & DeviceBase {
  return { ...body, ...NO_BASE };
}

function readBalloon(reader: ElementReader): Balloon {
  reader.child('stats', (stats) => stats.integer('period'));
  return { kind: 'memballoon', model: reader.needChoice('model', ['xen', 'none', 'virtio']) };
}

const READERS: ReadonlyMap<string, (reader: ElementReader) => DeviceBody> = new Map<
  string,
  (reader: ElementReader) => DeviceBody
>([
  ['disk', readDisk],
  ['interface', readInterface],
  ['console', readConsole],
  ['serial', readSerial],
  ['parallel', readParallel],
  ['channel', readChannel],
  ['graphics', readGraphics],
  ['video', readVideo],
  ['input', readInput],
  ['sound', readSound],
  ['controller', readController],
  ['hostdev', readHostdev],
  ['memballoon', readBalloon],
]);

/**
 * Devices of libvirt that are not available to Xen guests, with the reason. Without them the guest would differ
 * essentially from its definition.
 */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['filesystem', 'a folder of the host does not move with the guest, and libvirt gives Xen guests none'],
  ['tpm', "Xen's vTPM is not supported"],
  ['nvram', 'it belongs to another architecture'],
  ['shmem', 'memory shared with the host does not move with the guest'],
  ['memory', 'Xen guests get their memory from <memory>; modules are not plugged in'],
  ['vsock', 'Xen has no vsock'],
  ['lease', 'leases are not supported'],
]);

/** Devices of libvirt that a guest can do without: libvirt's driver for Xen silently ignores them. */
const PASSED_OVER: ReadonlyMap<string, string> = new Map([
  ['rng', 'Xen has no virtual random number generator; the guest uses RDRAND'],
  ['watchdog', "Xen's watchdog is part of the hypervisor, not a device"],
  ['smartcard', 'Xen has no smart card reader'],
  ['redirdev', 'USB redirection over spice is not supported'],
  ['redirfilter', 'USB redirection over spice is not supported'],
  ['hub', 'Xen has no USB hubs'],
  ['panic', 'Xen detects a crash without a device'],
  ['iommu', 'Xen has no virtual IOMMU'],
  ['crypto', 'Xen has no crypto device'],
  ['pstore', 'Xen has no pstore device'],
  ['audio', 'the configuration of the device model selects the audio backend'],
]);

/**
 * Reads one element of `<devices>`. With `carryUnknown` unknown content is kept, with a warning; a lenient reading also
 * keeps what it does not understand. @throws UsageError `E_USAGE_DOMAIN_XML`, naming the path
 */
export function readDevice(element: XmlElement, path: string, reading: Reading): Device {
  const opaque = (why: string, passedOver = false): Device => plainDevice({ kind: 'opaque', element, why, passedOver });
  const refused = REFUSED.get(element.name);
  if (refused !== undefined) return opaque(refused);
  const read = READERS.get(element.name);
  if (read === undefined) {
    const why = PASSED_OVER.get(element.name);
    if (!reading.carryUnknown) {
      if (why !== undefined) return opaque(why);
      throw badXml(path, 'is not a known device', element);
    }
    reading.warnings.push(`${path}: ${why ?? 'is not a known device'}; it is kept, and the guest does not get it`);
    return opaque(why ?? 'it is not a known device', true);
  }
  try {
    return readElement(element, path, reading, (reader) => ({ ...read(reader), ...readBase(reader) }));
  } catch (error) {
    if (!reading.lenient || !(error instanceof UsageError)) throw error;
    reading.warnings.push(messageOf(error));
    return opaque(messageOf(error));
  }
}

function writeBody(device: DeviceBody): XmlElement {
  switch (device.kind) {
    case 'disk':
      return writeDisk(device);
    case 'interface':
      return writeInterface(device);
    case 'console':
    case 'serial':
    case 'parallel':
    case 'channel':
      return writeCharacter(device);
    case 'graphics':
      return writeGraphics(device);
    case 'video':
      return writeVideo(device);
    case 'input':
      return writeInput(device);
    case 'sound':
      return writeSound(device);
    case 'controller':
      return writeController(device);
    case 'hostdev':
      return writeHostdev(device);
    case 'memballoon':
      return element('memballoon', { model: device.model });
    case 'opaque':
      return device.element;
  }
}

/** The device as an element of `<devices>`. */
export function writeDevice(device: Device): XmlElement {
  const body = writeBody(device);
  const base = writeBase(device);
  return base.length === 0 ? body : { ...body, children: [...body.children, ...base] };
}

/** Path of each device, numbered among elements of the same name: `/domain/devices/disk[2]`. */
export function devicePaths(devices: readonly XmlElement[]): string[] {
  const seen = new Map<string, number>();
  return devices.map(({ name }) => {
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    return `/domain/devices/${name}[${number}]`;
  });
}

/** The elements of `<devices>`, layout left out. */
export function deviceElements(devices: XmlElement): XmlElement[] {
  return devices.children.filter(isElement);
}
