import { deviceText, isSameDevice, type Pluggable } from '../../domain/definition/pluggable.js';
import { ToolstackError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../../host/host.js';
import { runningDefinition } from './running-definition.js';

/** libxl gives a guest ten seconds to let go, and itself as many to take the device from it. */
const TAKE_OUT_MS = 60_000;

/** A running domain that devices come to and go from. */
export interface Plugged {
  readonly id: Domid;
  readonly uuid: string;
  readonly name: string;
}

/**
 * Gives a running domain a device, with the lease of a disk. Where that fails the device is taken out again: libxl leaves it in the
 * domain's configuration, and the guest could not be started from that anywhere else.
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

/** It is there by somebody who was faster; of a USB device of the host libxl says no more than that it cannot be. */
function isOthers(device: Pluggable, error: unknown): boolean {
  if (!(error instanceof ToolstackError)) return false;
  return (
    error.code === 'E_TOOLSTACK_DEVICE_EXISTS' || (device.kind === 'hostdev' && error.code === 'E_TOOLSTACK_INVAL')
  );
}

/** Takes a device out that is of no use, whatever the guest says. Never rejects: what broke the attachment is the story. */
export async function takeBack(host: Host, guest: Plugged, device: Pluggable): Promise<void> {
  const signal = AbortSignal.timeout(TAKE_OUT_MS);
  try {
    await host.toolstack.detach(guest.id, device, { force: true, signal });
  } catch (error) {
    if (!(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_NOTFOUND') {
      host.log(
        `${guest.name}: ${deviceText(device)} was given to it in vain, and could not be taken out: ${messageOf(error)}`,
      );
      return; // it may be there: so its lease stays
    }
  }
  await dropLease(host, guest, device);
}

/**
 * Lets go of the lease of a disk where a running domain has that disk no more, by what the toolstack says. Never rejects: a lease too many
 * keeps others out, and its guest's end frees it.
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
      `${name}: the lease of ${deviceText(device)}, which it has no more, is still its own: ${messageOf(error)}`,
    );
  }
}

/** Whether a running domain has a device. @throws ToolstackError where that cannot be seen */
export async function hasDevice(host: Host, id: Domid, device: Pluggable, signal: AbortSignal): Promise<boolean> {
  return (await runningDefinition(host, id, signal)).devices.some((one) => isSameDevice(one, device));
}
