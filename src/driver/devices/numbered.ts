import type { Device } from '../../domain/definition/devices/device.js';

/** A device with the number that it needs among these: a controller's index where it has none (S21). */
export function numbered<T extends Device>(device: T, others: readonly Device[]): T {
  if (device.kind !== 'controller' || device.index !== undefined) return device;
  return { ...device, index: freeIndex(device.type, others) };
}

/** The first number that no controller of this type has. */
export function freeIndex(type: string, devices: readonly Device[]): number {
  const used = new Set(
    devices.map((device) => (device.kind === 'controller' && device.type === type ? device.index : undefined)),
  );
  let index = 0;
  while (used.has(index)) index += 1;
  return index;
}
