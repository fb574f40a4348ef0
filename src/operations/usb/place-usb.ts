import type { DeviceBase } from '../../domain/definition/devices/base.js';
import type { Device } from '../../domain/definition/devices/device.js';
import type { UsbHostdev } from '../../domain/definition/devices/hostdev.js';
import { deviceText, isSameDevice } from '../../domain/definition/pluggable.js';
import { readDefinition } from '../../domain/definition/read.js';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { usbOnHost } from './host-usb.js';

/** A USB device of the host, as a domain has it. */
export type HostUsb = UsbHostdev & DeviceBase;

/**
 * The host's device by its place, for this domain (S13). @throws RefusedError `E_REFUSED_NO_USB_DEVICE`;
 * `E_REFUSED_USB_IN_USE` if another domain has it
 */
export async function placeUsb(host: Host, uuid: string, device: HostUsb, signal: AbortSignal): Promise<HostUsb> {
  const identity = await usbOnHost(host.toolstack.kernelFiles, device.identity);
  const placed = { ...device, identity };
  for (const other of await host.toolstack.list(signal)) {
    if (other.uuid === uuid) continue; // its own devices are compared with anyway
    if (!(await devicesOf(host, other, signal)).some((one) => isSameDevice(one, placed))) continue;
    throw new RefusedError('E_REFUSED_USB_IN_USE', `${deviceText(placed)} is in use by domain ${other.name}`, {
      hint: 'Detach it there first.',
      data: { domain: other.name },
    });
  }
  return placed;
}

/** Empty if the toolstack cannot list them: it checks again before it attaches a device. */
async function devicesOf(host: Host, { domid, name }: DomainInfo, signal: AbortSignal): Promise<readonly Device[]> {
  try {
    const { domain } = await host.toolstack.describe(domid, signal);
    return readDefinition(domain, { lenient: true }).definition.devices;
  } catch (error) {
    signal.throwIfAborted();
    host.log(`${name}: its devices could not be listed: ${messageOf(error)}`);
    return [];
  }
}
