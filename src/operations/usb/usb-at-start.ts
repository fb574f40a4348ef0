import type { Device } from '../../domain/definition/devices/device.js';
import { readDefinition } from '../../domain/definition/read.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Domain } from '../../domain/model.js';
import { InvariantError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { placeUsb, type HostUsb } from './place-usb.js';
import { freeIndex, freeUsbPort, hasController, usbController, type UsbPort } from './usb-ports.js';

/**
 * The definition that a domain is started with: USB devices by their place on the host (S13), each in a port of a
 * controller, with as many controllers as that needs (L13). Other domains are returned unchanged. @throws as `placeUsb`
 */
export async function withUsbPlaced(host: Host, domain: Domain, signal: AbortSignal): Promise<Domain> {
  const { definition } = readDefinition(domain, { lenient: true });
  if (!definition.devices.some(isHostUsb)) return domain;
  const placed: Device[] = [];
  for (const device of definition.devices) {
    placed.push(isHostUsb(device) ? await placeUsb(host, domain.uuid, device, signal) : device);
  }
  let devices: readonly Device[] = placed;
  for (const { guestAddress } of placed) {
    if (guestAddress?.type === 'usb' && !hasController(devices, guestAddress.bus)) {
      devices = [...devices, usbController(guestAddress.bus)];
    }
  }
  for (const device of placed) {
    if (!isUnplaced(device)) continue;
    if (portFor(devices, device) === undefined) devices = [...devices, usbController(freeIndex('usb', devices))];
    const port = portFor(devices, device);
    if (port === undefined) throw new InvariantError('a new controller without a free port');
    const guestAddress = { type: 'usb', bus: port.controller, port: String(port.port) } as const;
    devices = devices.map((other) => (other === device ? { ...device, guestAddress } : other));
  }
  return toDomain({ ...definition, devices });
}

/** The first port that stays free after the devices without an address have taken theirs. */
function portFor(devices: readonly Device[], device: Device): UsbPort | undefined {
  return freeUsbPort(devices.filter((other) => other !== device && !isUnplaced(other)));
}

function isHostUsb(device: Device): device is HostUsb {
  return device.kind === 'hostdev' && device.type === 'usb';
}

function isUnplaced(device: Device): device is HostUsb {
  return isHostUsb(device) && device.guestAddress === undefined;
}
