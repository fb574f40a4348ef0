import type { Device } from '../../domain/definition/devices/device.js';
import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import type { Host } from '../host.js';
import { placeUsb, type HostUsb } from './place-usb.js';
import { freeIndex, freeUsbPort, usbController } from './usb-ports.js';

/**
 * What a domain starts as: its USB devices by their places on the host (S13), each in a port of a controller, of which there are as
 * many as that takes (L13). Other domains stay as they are. @throws as `placeUsb`
 */
export async function withUsbPlaced(host: Host, domain: Domain, signal: AbortSignal): Promise<Domain> {
  const { definition } = readDefinition(domain, { lenient: true });
  if (!definition.devices.some(isHostUsb)) return domain;
  const placed: Device[] = [];
  for (const device of definition.devices) {
    placed.push(isHostUsb(device) ? await placeUsb(host, domain.uuid, device, signal) : device);
  }
  let devices: readonly Device[] = placed;
  for (const device of placed) {
    if (!isHostUsb(device) || device.guestAddress !== undefined) continue;
    const others = devices.filter((other) => other !== device && !isUnplaced(other));
    const port = freeUsbPort(others);
    const index = port?.controller ?? freeIndex('usb', devices);
    const guestAddress = { type: 'usb', bus: index, port: String(port?.port ?? 1) } as const;
    devices = devices.map((other) => (other === device ? { ...device, guestAddress } : other));
    if (port === undefined) devices = [...devices, usbController(index)];
  }
  return toDomain({ ...definition, devices });
}

function isHostUsb(device: Device): device is HostUsb {
  return device.kind === 'hostdev' && device.type === 'usb';
}

function isUnplaced(device: Device): boolean {
  return isHostUsb(device) && device.guestAddress === undefined;
}
