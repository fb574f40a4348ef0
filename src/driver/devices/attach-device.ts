import { completeDevice } from '../../domain/definition/defaults.js';
import type { Device } from '../../domain/definition/devices/device.js';
import type { Definition } from '../../domain/definition/model.js';
import type { Pluggable } from '../../domain/definition/pluggable.js';
import { readDefinition } from '../../domain/definition/read.js';
import { checkDevice } from '../../domain/definition/validate/definition.js';
import { toDomain } from '../../domain/definition/write.js';
import { messageOf } from '../../errors/message-of.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../host.js';
import { defineContext } from '../lifecycle/define-context.js';
import { refuseMissingDisk } from '../lifecycle/disks-here.js';
import { editDefinition, impactOn, storedDefinition } from '../lifecycle/edit-definition.js';
import type { ImpactFlags } from '../lifecycle/impact.js';
import { needAbility } from '../lifecycle/need-ability.js';
import { withDomain } from '../lifecycle/with-domain.js';
import { attachUsb } from './attach-usb.js';
import { placeUsb } from '../usb/place-usb.js';
import { abilityFor, hotPluggable } from './hot-pluggable.js';
import { numbered } from './numbered.js';

export interface AttachRequest {
  readonly device: Device;
  readonly flags: ImpactFlags;
  /** A person says that whoever else has the disk is dead. */
  readonly forceLease: boolean;
  readonly signal: AbortSignal;
}

export interface DeviceChange {
  readonly name: string;
  /** As the domain has it now, with what was left open filled in. */
  readonly device: Device;
}

/**
 * Gives a device to a domain: to what runs, to its definition, or both; all is checked before anything is changed. Where a running
 * domain does not get it, whatever was taken for it is given back.
 * @throws as `impactOf`, `hotPluggable` and `checkDevice`; RefusedError `E_REFUSED_LEASE`, `E_REFUSED_DISK_MISSING`,
 * `E_REFUSED_NO_USB_DEVICE`; ToolstackError
 */
export async function attachDevice(host: Host, ref: string, request: AttachRequest): Promise<DeviceChange> {
  const { flags, forceLease, signal } = request;
  return withDomain(host, { ref, why: 'attaching a device', signal }, async (known, held) => {
    const { name, info } = known;
    const impact = impactOn(known, flags);
    const running =
      impact.live && info !== undefined ? await runningDefinition(host, info.domid, held.signal) : undefined;
    const { type } = running ?? storedDefinition(known);
    const device = completeDevice(request.device, type, defineContext);

    const live = running === undefined ? undefined : await plugFor(host, running, device, held.signal);
    const stored = impact.config ? fitting(storedDefinition(known), device) : undefined;

    if (live !== undefined && running !== undefined && info !== undefined) {
      await plugIn(host, info.domid, running, live, forceLease, held.signal);
    }
    if (stored !== undefined) {
      editDefinition(host, known, (definition) => ({ ...definition, devices: [...definition.devices, stored] }));
    }
    return { name, device: live ?? stored ?? device };
  });
}

/** What runs, read. */
export async function runningDefinition(host: Host, id: Domid, signal: AbortSignal): Promise<Definition> {
  const { domain } = await host.toolstack.describe(id, signal);
  return readDefinition(domain, { lenient: true }).definition;
}

/** The device with a number of its own among those of a definition, checked with them. */
function fitting<T extends Device>(definition: Definition, device: T): T {
  const fit = numbered(device, definition.devices);
  checkDevice(fit, definition);
  return fit;
}

/** What a running domain shall get, checked as far as it can be beforehand. */
async function plugFor(host: Host, running: Definition, device: Device, signal: AbortSignal): Promise<Pluggable> {
  const plug = hotPluggable(device);
  const here = await needAbility(host, abilityFor(plug), signal);
  const found = plug.kind === 'hostdev' ? await placeUsb(host, running.uuid, plug, signal) : plug;
  const fit = fitting(running, found);
  if (fit.kind === 'disk') await refuseMissingDisk(here, running.name, fit);
  return fit;
}

async function plugIn(
  host: Host,
  id: Domid,
  running: Definition,
  device: Pluggable,
  forceLease: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (device.kind === 'hostdev') {
    await attachUsb(host, id, running, device, signal);
    return;
  }
  if (device.kind === 'disk') {
    const wanted = toDomain({ ...running, devices: [...running.devices, device] });
    await host.leases.extend(wanted, forceLease, signal);
  }
  try {
    await host.toolstack.attach(id, device, signal);
  } catch (error) {
    if (device.kind === 'disk') await dropUnusedLeases(host, id, running.name);
    throw error;
  }
}

/**
 * Lets go of the leases of disks that a running domain has not got (any more). By what the toolstack says now: an attachment that
 * failed for lack of time may have succeeded. Never rejects: a lease too many keeps others out, and its guest's end frees it.
 */
export async function dropUnusedLeases(host: Host, id: Domid, name: string): Promise<void> {
  const signal = AbortSignal.timeout(host.deadlines.callMs);
  try {
    const { domain } = await host.toolstack.describe(id, signal);
    await host.leases.shrink(domain, signal);
  } catch (error) {
    host.log(`${name}: leases of disks that it has not got are still its own: ${messageOf(error)}`);
  }
}
