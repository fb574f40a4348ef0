import { deviceText, isSameDevice, type Pluggable } from '../../domain/definition/pluggable.js';
import { ToolstackError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../../host/host.js';
import { runningDefinition } from './running-definition.js';

/** libxl gives a guest ten seconds to release a device, and itself as many to remove it. */
const TAKE_OUT_MS = 60_000;

/** A running domain whose devices are changed. */
export interface Plugged {
  readonly id: Domid;
  readonly uuid: string;
  readonly name: string;
}

/**
 * Attaches a device to a running domain, with the lease of a disk. If that fails the device is removed again: libxl
 * leaves it in the domain's configuration, from which the guest could not be started anywhere else.
 * @throws RefusedError `E_REFUSED_LEASE`, `E_REFUSED_LEASE_FOLDER`; ToolstackError
 */
export async function plugIn(
  host: Host,
  guest: Plugged,
  device: Pluggable,
  forceLease: boolean,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (device.kind === 'disk') await host.leases.hotPlug.take(guest, device, forceLease, signal);
  try {
    await host.toolstack.attach(guest.id, device, signal);
  } catch (error) {
    if (!isOthers(device, error)) await takeBack(host, guest, device);
    else await dropLease(host, guest, device);
    throw error;
  }
}

/**
 * Whether another program attached the device first; for a USB device of the host libxl reports only that it failed.
 */
function isOthers(device: Pluggable, error: unknown): boolean {
  if (!(error instanceof ToolstackError)) return false;
  return (
    error.code === 'E_TOOLSTACK_DEVICE_EXISTS' || (device.kind === 'hostdev' && error.code === 'E_TOOLSTACK_INVAL')
  );
}

/**
 * Removes a device after a failed attachment, without asking the guest. Never rejects: the failed attachment is what is
 * reported.
 */
export async function takeBack(host: Host, guest: Plugged, device: Pluggable): Promise<void> {
  const signal = AbortSignal.timeout(TAKE_OUT_MS);
  try {
    await host.toolstack.detach(guest.id, device, { force: true, signal });
  } catch (error) {
    if (!(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_NOTFOUND') {
      host.log(
        `${guest.name}: attaching ${deviceText(device)} failed, and it could not be removed: ${messageOf(error)}`,
      );
      return; // it may be attached: so its lease stays
    }
  }
  await dropLease(host, guest, device);
}

/**
 * Releases the lease of a disk if the toolstack reports that the running domain no longer has the disk. Never rejects:
 * a surplus lease keeps other hosts out, and the end of the guest releases it.
 */
export async function dropLease(host: Host, { id, uuid, name }: Plugged, device: Pluggable): Promise<void> {
  if (device.kind !== 'disk') return;
  const signal = AbortSignal.timeout(host.deadlines.callMs);
  try {
    const left = (await runningDefinition(host, id, signal)).devices.filter((one) => one.kind === 'disk');
    if (left.some(({ target }) => target === device.target)) return;
    await host.leases.hotPlug.drop(uuid, device, left, signal);
  } catch (error) {
    host.log(
      `${name}: the lease of ${deviceText(device)}, which it no longer has, could not be released: ${messageOf(error)}`,
    );
  }
}

/** Whether a running domain has a device. @throws ToolstackError if that cannot be determined */
export async function hasDevice(host: Host, id: Domid, device: Pluggable, signal: AbortSignal): Promise<boolean> {
  return (await runningDefinition(host, id, signal)).devices.some((one) => isSameDevice(one, device));
}
