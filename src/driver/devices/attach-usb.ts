import type { DeviceBase } from '../../domain/definition/devices/base.js';
import type { UsbController } from '../../domain/definition/devices/controller.js';
import type { Definition } from '../../domain/definition/model.js';
import { ToolstackError, XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import type { Host } from '../host.js';
import type { HostUsb } from '../usb/place-usb.js';
import { freeIndex, freeUsbPort, hasController, usbController, type UsbPort } from '../usb/usb-ports.js';
import { plugIn, takeBack, type Plugged } from './plug-in.js';

/**
 * Plugs a USB device of the host into a running domain: into a free port of its controllers or, where there is none, of one more,
 * which goes again where the device then fails (S14, S22).
 */
export async function attachUsb(
  host: Host,
  guest: Plugged,
  running: Definition,
  device: HostUsb,
  signal: AbortSignal,
): Promise<void> {
  const wanted = device.guestAddress?.type === 'usb' ? device.guestAddress : undefined;
  const free = freeUsbPort(running.devices);
  const missing =
    wanted === undefined
      ? free === undefined
        ? freeIndex('usb', running.devices)
        : undefined
      : hasController(running.devices, wanted.bus)
        ? undefined
        : wanted.bus;
  if (missing === undefined) {
    const placed = free === undefined || wanted !== undefined ? device : at(device, free);
    await plugIn(host, guest, placed, false, signal);
    return;
  }
  const controller = usbController(missing);
  await addController(host, guest, controller, signal);
  try {
    const placed = wanted === undefined ? at(device, { controller: missing, port: 1 }) : device;
    await plugIn(host, guest, placed, false, signal);
  } catch (error) {
    await takeBack(host, guest, controller);
    throw error;
  }
}

function at(device: HostUsb, { controller, port }: UsbPort): HostUsb {
  return { ...device, guestAddress: { type: 'usb', bus: controller, port: String(port) } };
}

async function addController(
  host: Host,
  guest: Plugged,
  controller: UsbController & DeviceBase,
  signal: AbortSignal,
): Promise<void> {
  try {
    await plugIn(host, guest, controller, false, signal);
  } catch (cause) {
    throw new ToolstackError(
      codeOf(cause),
      `No available USB controller and port, and failed to attach a new one: ${messageOf(cause)}`,
      { cause, ...(cause instanceof XenferryError && cause.hint !== undefined ? { hint: cause.hint } : {}) },
    );
  }
}
