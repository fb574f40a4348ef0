import { carriedCode } from '../../errors/codes.js';
import type { DeviceBase } from '../../domain/definition/devices/base.js';
import type { UsbController } from '../../domain/definition/devices/controller.js';
import type { Device } from '../../domain/definition/devices/device.js';
import type { Definition } from '../../domain/definition/model.js';
import { ToolstackError, XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import { refuseUsbOfHvm } from '../usb/refuse-hvm.js';
import type { HostUsb } from '../usb/place-usb.js';
import { freeIndex, freeUsbPort, hasController, usbController } from '../usb/usb-ports.js';
import { plugIn, takeBack, type Plugged } from './plug-in.js';

/**
 * Plugs a USB device of the host into a running domain: into a free port of its controllers or, if there is none, of an
 * additional one, which is removed again if attaching the device fails (S14, S22).
 */
export async function attachUsb(
  host: Host,
  guest: Plugged,
  running: Definition,
  device: HostUsb,
  signal: AbortSignal,
): Promise<void> {
  const { devices } = running;
  const missing = missingController(devices, device);
  if (missing === undefined) {
    await plugIn(host, guest, placedIn(devices, device), false, signal);
    return;
  }
  refuseUsbOfHvm(await host.toolstack.host(signal), running);
  const controller = usbController(missing);
  await addController(host, guest, controller, signal);
  try {
    await plugIn(host, guest, placedIn([controller], device), false, signal);
  } catch (error) {
    await takeBack(host, guest, controller);
    throw error;
  }
}

/** The number of the additional controller that is needed; undefined if the existing ones suffice. */
function missingController(devices: readonly Device[], { guestAddress }: HostUsb): number | undefined {
  if (guestAddress?.type === 'usb') return hasController(devices, guestAddress.bus) ? undefined : guestAddress.bus;
  return freeUsbPort(devices) === undefined ? freeIndex('usb', devices) : undefined;
}

/** The device in the port that it names, or in the first free one. */
function placedIn(devices: readonly Device[], device: HostUsb): HostUsb {
  const free = device.guestAddress?.type === 'usb' ? undefined : freeUsbPort(devices);
  if (free === undefined) return device;
  return { ...device, guestAddress: { type: 'usb', bus: free.controller, port: String(free.port) } };
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
      carriedCode(codeOf(cause)),
      `No available USB controller and port, and failed to attach a new one: ${messageOf(cause)}`,
      { cause, ...(cause instanceof XenferryError && cause.hint !== undefined ? { hint: cause.hint } : {}) },
    );
  }
}
