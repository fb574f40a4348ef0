import type { Device } from '../../domain/definition/devices/device.js';
import { freeIndex } from '../usb/usb-ports.js';

/** A device with a free number among the others: a controller without an index gets one (S21). */
export function numbered<T extends Device>(device: T, others: readonly Device[]): T {
  if (device.kind !== 'controller' || device.index !== undefined) return device;
  return { ...device, index: freeIndex(device.type, others) };
}
