import type { DeviceBase } from '../../domain/definition/devices/base.js';
import type { UsbController } from '../../domain/definition/devices/controller.js';
import { plainDevice, type Device } from '../../domain/definition/devices/device.js';

/** A place for a USB device in a guest. */
export interface UsbPort {
  readonly controller: number;
  /** Counted from 1. */
  readonly port: number;
}

/** Ports of a controller without a number (S21). */
const DEFAULT_PORTS = 8;

/** A controller for devices without a free port (S22, L13). */
export function usbController(index: number): UsbController & DeviceBase {
  return plainDevice({ kind: 'controller', type: 'usb', index, model: 'qusb2', ports: DEFAULT_PORTS });
}

/** The first number that no controller of this type has and no device refers to. */
export function freeIndex(type: string, devices: readonly Device[]): number {
  const used = new Set<number | undefined>();
  for (const device of devices) {
    if (device.kind === 'controller' && device.type === type) used.add(device.index);
    if (type === 'usb' && device.guestAddress?.type === 'usb') used.add(device.guestAddress.bus);
  }
  let index = 0;
  while (used.has(index)) index += 1;
  return index;
}

/** Whether a USB controller of that number exists. */
export function hasController(devices: readonly Device[], index: number): boolean {
  return devices.some((device) => device.kind === 'controller' && device.type === 'usb' && device.index === index);
}

/**
 * The first free port of a domain's USB controllers; undefined if there is none (S22). A USB device without an address
 * takes the first remaining port: the toolstack assigned it one and did not report which.
 */
export function freeUsbPort(devices: readonly Device[]): UsbPort | undefined {
  const taken = new Set<string>();
  let unplaced = 0;
  for (const device of devices) {
    if (device.kind !== 'hostdev' || device.type !== 'usb') continue;
    const at = device.guestAddress;
    if (at?.type === 'usb') taken.add(`${at.bus}.${at.port}`);
    else unplaced += 1;
  }
  for (const device of devices) {
    if (device.kind !== 'controller' || device.type !== 'usb') continue;
    const controller = device.index ?? 0;
    for (let port = 1; port <= (device.ports ?? DEFAULT_PORTS); port += 1) {
      if (taken.has(`${controller}.${port}`)) continue;
      if (unplaced === 0) return { controller, port };
      unplaced -= 1;
    }
  }
  return undefined;
}
