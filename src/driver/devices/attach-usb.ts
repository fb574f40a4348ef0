import type { DeviceBase } from '../../domain/definition/devices/base.js';
import type { UsbController } from '../../domain/definition/devices/controller.js';
import type { Definition } from '../../domain/definition/model.js';
import { deviceText } from '../../domain/definition/pluggable.js';
import { ToolstackError, XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../host.js';
import type { HostUsb } from '../usb/place-usb.js';
import { freeIndex, freeUsbPort, usbController } from '../usb/usb-ports.js';

/**
 * Plugs a USB device of the host into a running domain: into a free port of its controllers or, where there is none, of one more,
 * which goes again where the device then fails (S14, S22).
 */
export async function attachUsb(
  host: Host,
  id: Domid,
  running: Definition,
  device: HostUsb,
  signal: AbortSignal,
): Promise<void> {
  if (device.guestAddress !== undefined) {
    await host.toolstack.attach(id, device, signal);
    return;
  }
  const free = freeUsbPort(running.devices);
  if (free !== undefined) {
    await host.toolstack.attach(id, at(device, free.controller, free.port), signal);
    return;
  }
  const index = freeIndex('usb', running.devices);
  const controller = usbController(index);
  await addController(host, id, controller, signal);
  try {
    await host.toolstack.attach(id, at(device, index, 1), signal);
  } catch (error) {
    await host.toolstack.detach(id, controller, AbortSignal.timeout(host.deadlines.callMs)).catch((cause: unknown) => {
      host.log(`${running.name}: ${deviceText(controller)} was made for nothing, and stays: ${messageOf(cause)}`);
    });
    throw error;
  }
}

function at(device: HostUsb, controller: number, port: number): HostUsb {
  return { ...device, guestAddress: { type: 'usb', bus: controller, port: String(port) } };
}

async function addController(
  host: Host,
  id: Domid,
  controller: UsbController & DeviceBase,
  signal: AbortSignal,
): Promise<void> {
  try {
    await host.toolstack.attach(id, controller, signal);
  } catch (cause) {
    throw new ToolstackError(
      codeOf(cause),
      `No available USB controller and port, and failed to attach a new one: ${messageOf(cause)}`,
      { cause, ...(cause instanceof XenferryError && cause.hint !== undefined ? { hint: cause.hint } : {}) },
    );
  }
}
