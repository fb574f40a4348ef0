import type { Device } from '../definition/devices/device.js';

type Of<K extends Device['kind']> = Extract<Device, { kind: K }>;

/** The devices of one kind, in their order. */
export function devicesOfKind<K extends Device['kind']>(devices: readonly Device[], kind: K): Of<K>[] {
  return devices.filter((device): device is Of<K> => device.kind === kind);
}
