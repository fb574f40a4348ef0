import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { UsbIdentity } from '../../domain/definition/devices/hostdev.js';
import { RefusedError } from '../../errors/errors.js';
import { readKernelFile } from '../statistics/kernel-file.js';

export type UsbAddress = Extract<UsbIdentity, { by: 'address' }>;

interface UsbDevice extends UsbAddress {
  readonly vendor: number;
  readonly product: number;
}

/**
 * The place of a USB device on the host, which must exist, and must be the only one of its kind if it is specified by
 * vendor and product (S13). Source: Linux' Documentation/ABI/stable/sysfs-bus-usb.
 * @param kernelFiles folder that holds the kernel's `sys`
 * @throws RefusedError `E_REFUSED_NO_USB_DEVICE`
 */
export async function usbOnHost(kernelFiles: string, identity: UsbIdentity): Promise<UsbAddress> {
  const devices = await usbDevices(join(kernelFiles, 'sys/bus/usb/devices'));
  if (identity.by === 'address') {
    const { bus, device } = identity;
    if (devices.some((one) => one.bus === bus && one.device === device)) return identity;
    throw noUsb(`host USB device Busnum: ${bus}, Devnum: ${device} not found`, devices);
  }
  const { vendor, product } = identity;
  const found = devices.filter((one) => one.vendor === vendor && one.product === product);
  if (found.length === 1) return { by: 'address', bus: found[0].bus, device: found[0].device };
  const kind = `${hex(vendor)}:${hex(product)}`;
  if (found.length === 0) throw noUsb(`host USB device ${kind} not found`, devices);
  const places = found.map(({ bus, device }) => `bus ${bus} device ${device}`).join(', ');
  throw new RefusedError('E_REFUSED_NO_USB_DEVICE', `the host has ${found.length} USB devices ${kind}: ${places}`, {
    hint: "Specify one: <source><address bus='…' device='…'/></source>.",
    data: { found: found.length },
  });
}

function noUsb(message: string, devices: readonly UsbDevice[]): RefusedError {
  const known = devices.map(({ bus, device, vendor, product }) => `${bus}:${device} (${hex(vendor)}:${hex(product)})`);
  return new RefusedError('E_REFUSED_NO_USB_DEVICE', message, {
    hint: known.length === 0 ? 'The host has no USB devices.' : `The host has ${known.slice(0, 32).join(', ')}.`,
  });
}

function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}

async function usbDevices(folder: string): Promise<UsbDevice[]> {
  const names = await readdir(folder).catch(() => []); // a host without USB has no such folder
  const devices = await Promise.all(names.map((name) => readUsb(join(folder, name))));
  return devices.filter((device) => device !== undefined);
}

/**
 * Undefined for interfaces of a device, which have folders of their own, and for a device that has just been removed.
 */
async function readUsb(folder: string): Promise<UsbDevice | undefined> {
  const figure = async (name: string, radix: 10 | 16): Promise<number> => {
    const text = await readKernelFile(join(folder, name)).catch(() => undefined);
    return Number.parseInt(text ?? '', radix);
  };
  const [bus, device, vendor, product] = await Promise.all([
    figure('busnum', 10),
    figure('devnum', 10),
    figure('idVendor', 16),
    figure('idProduct', 16),
  ]);
  if ([bus, device, vendor, product].some(Number.isNaN)) return undefined;
  return { by: 'address', bus, device, vendor, product };
}
