import type { Device } from '../../domain/definition/devices/device.js';
import { freeIndex } from '../usb/usb-ports.js';

/** A device with the number that it needs among these: a controller's index where it has none (S21). */
export function numbered<T extends Device>(device: T, others: readonly Device[]): T {
  if (device.kind !== 'controller' || device.index !== undefined) return device;
  return { ...device, index: freeIndex(device.type, others) };
}
