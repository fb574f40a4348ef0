import { readDefinition } from '../../domain/definition/read.js';
import { deviceText, type Pluggable } from '../../domain/definition/pluggable.js';
import { ToolstackError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../host.js';

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
  if (device.kind === 'disk') await host.leases.takeDisk(guest, device, forceLease, signal);
  try {
    await host.toolstack.attach(guest.id, device, signal);
  } catch (error) {
    // Somebody else's, who was faster.
    const isOthers = error instanceof ToolstackError && error.code === 'E_TOOLSTACK_DEVICE_EXISTS';
    if (!isOthers) await takeBack(host, guest, device);
    throw error;
  }
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
 * A running domain has a device no more: lets go of the lease of a disk. Never rejects: a lease too many keeps others out, and its guest's
 * end frees it.
 */
export async function dropLease(host: Host, { id, uuid, name }: Plugged, device: Pluggable): Promise<void> {
  if (device.kind !== 'disk') return;
  const signal = AbortSignal.timeout(host.deadlines.callMs);
  try {
    const { domain } = await host.toolstack.describe(id, signal);
    const { definition } = readDefinition(domain, { lenient: true });
    const left = definition.devices.filter((one) => one.kind === 'disk' && one.target !== device.target);
    await host.leases.dropDisk(
      uuid,
      device,
      left.filter((one) => one.kind === 'disk'),
      signal,
    );
  } catch (error) {
    host.log(
      `${name}: the lease of ${deviceText(device)}, which it has no more, is still its own: ${messageOf(error)}`,
    );
  }
}
