import { completeDevice } from '../../domain/definition/defaults.js';
import type { Device } from '../../domain/definition/devices/device.js';
import type { Definition } from '../../domain/definition/model.js';
import type { Pluggable } from '../../domain/definition/pluggable.js';
import { checkDevice } from '../../domain/definition/validate/definition.js';
import type { Host } from '../../host/host.js';
import { defineContext } from '../definition/define-context.js';
import { refuseMissingDisk } from '../running/disks-here.js';
import { editedDefinition, impactOn, putBehindLive, storedDefinition } from '../definition/edit-definition.js';
import type { ImpactFlags } from '../definition/impact.js';
import { needAbility } from '../running/need-ability.js';
import { withDomain } from '../running/with-domain.js';
import { attachUsb } from './attach-usb.js';
import { refuseUsbOfHvm } from '../usb/refuse-hvm.js';
import { placeUsb } from '../usb/place-usb.js';
import { abilityFor, hotPluggable } from './hot-pluggable.js';
import { plugIn } from './plug-in.js';
import { runningDefinition } from './running-definition.js';
import { numbered } from './numbered.js';

/** Options of `attachDevice`. */
export interface AttachRequest {
  readonly device: Device;
  readonly flags: ImpactFlags;
  /** The operator states that the other holder of the disk is dead. */
  readonly forceLease: boolean;
  readonly signal: AbortSignal;
}

/** Result of a device's attachment, detachment or change. */
export interface DeviceChange {
  readonly name: string;
  /** As the domain has it now, with generated values filled in. */
  readonly device: Device;
}

/**
 * Attaches a device: to the running domain, to its definition, or both; everything is checked before anything is
 * changed. If attaching it to the running domain fails, the resources taken for it are released.
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
    const edited =
      stored === undefined
        ? undefined
        : editedDefinition(known, (before) => ({ ...before, devices: [...before.devices, stored] }));

    if (live !== undefined && running !== undefined && info !== undefined) {
      const guest = { id: info.domid, uuid: info.uuid, name };
      if (live.kind === 'hostdev') await attachUsb(host, guest, running, live, held.signal);
      else await plugIn(host, guest, live, forceLease, held.signal);
    }
    if (edited !== undefined) putBehindLive(host, edited, live !== undefined);
    return { name, device: live ?? stored ?? device };
  });
}

/** The device with its own number among those of a definition, checked together with them. */
function fitting<T extends Device>(definition: Definition, device: T): T {
  const fit = numbered(device, definition.devices);
  checkDevice(fit, definition);
  return fit;
}

/** The device that a running domain is to get, checked as far as possible beforehand. */
async function plugFor(host: Host, running: Definition, device: Device, signal: AbortSignal): Promise<Pluggable> {
  const plug = hotPluggable(device);
  const here = await needAbility(host, abilityFor(plug), signal);
  if (plug.kind === 'controller') refuseUsbOfHvm(here, running);
  const found = plug.kind === 'hostdev' ? await placeUsb(host, running.uuid, plug, signal) : plug;
  const fit = fitting(running, found);
  if (fit.kind === 'disk') await refuseMissingDisk(here, running.name, fit);
  return fit;
}
