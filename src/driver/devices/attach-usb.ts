import { plainDevice } from '../../domain/definition/devices/device.js';
import type { DeviceBase } from '../../domain/definition/devices/base.js';
import type { UsbController } from '../../domain/definition/devices/controller.js';
import type { UsbHostdev } from '../../domain/definition/devices/hostdev.js';
import type { Definition } from '../../domain/definition/model.js';
import { deviceText, isSameDevice } from '../../domain/definition/pluggable.js';
import { readDefinition } from '../../domain/definition/read.js';
import { RefusedError, ToolstackError, XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../host.js';
import { usbOnHost } from './host-usb.js';
import { freeIndex } from './numbered.js';
import { freeUsbPort } from './usb-ports.js';

type HostUsb = UsbHostdev & DeviceBase;

/** What is plugged in where no port is free (S22). */
const PORTS = 8;

/**
 * The host's device by its place there. @throws RefusedError `E_REFUSED_NO_USB_DEVICE`; `E_REFUSED_USB_IN_USE` where another domain
 * has it
 */
export async function placeUsb(
  host: Host,
  running: Definition,
  device: HostUsb,
  signal: AbortSignal,
): Promise<HostUsb> {
  const identity = await usbOnHost(host.toolstack.kernelFiles, device.identity);
  const placed = { ...device, identity };
  for (const other of await host.toolstack.list(signal)) {
    if (other.uuid === running.uuid) continue; // its own devices are compared with anyway
    const { domain } = await host.toolstack.describe(other.domid, signal);
    const { definition } = readDefinition(domain, { lenient: true });
    if (!definition.devices.some((one) => isSameDevice(one, placed))) continue;
    throw new RefusedError('E_REFUSED_USB_IN_USE', `${deviceText(placed)} is in use by domain ${other.name}`, {
      hint: 'Detach it there first.',
      data: { domain: other.name },
    });
  }
  return placed;
}

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
  const controller: UsbController & DeviceBase = plainDevice({
    kind: 'controller',
    type: 'usb',
    index,
    model: 'qusb2',
    ports: PORTS,
  });
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
