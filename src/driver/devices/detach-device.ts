import type { Device } from '../../domain/definition/devices/device.js';
import type { Definition } from '../../domain/definition/model.js';
import { deviceText, isSameDevice, type Pluggable } from '../../domain/definition/pluggable.js';
import { InvariantError, RefusedError, ToolstackError } from '../../errors/errors.js';
import type { Domid } from '../../toolstack/domid.js';
import type { Host } from '../host.js';
import { editDefinition, impactOn, storedDefinition } from '../lifecycle/edit-definition.js';
import type { ImpactFlags } from '../lifecycle/impact.js';
import { needAbility } from '../lifecycle/need-ability.js';
import { withDomain } from '../lifecycle/with-domain.js';
import { dropUnusedLeases, runningDefinition, type DeviceChange } from './attach-device.js';
import { findDevice, type WantedDevice } from './find-device.js';
import { usbOnHost } from '../usb/host-usb.js';
import { abilityFor, hotPluggable } from './hot-pluggable.js';

export interface DetachRequest {
  readonly device: WantedDevice;
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

/**
 * Takes a device from a domain: from what runs, from its definition, or both; both are looked at before either is changed. A running
 * guest has to let go of it. @throws as `impactOf`, `hotPluggable` and `findDevice`; RefusedError `E_REFUSED_DEVICE_BUSY`; ToolstackError
 */
export async function detachDevice(host: Host, ref: string, request: DetachRequest): Promise<DeviceChange> {
  const { flags, signal } = request;
  return withDomain(host, { ref, why: 'detaching a device', signal }, async (known, held) => {
    const { name, info } = known;
    const impact = impactOn(known, flags);
    let live: Pluggable | undefined;
    if (impact.live && info !== undefined) {
      const running = await runningDefinition(host, info.domid, held.signal);
      live = hotPluggable(findDevice(running, await placed(host, request.device)));
      refuseBusy(running, live);
      await needAbility(host, abilityFor(live), held.signal);
    }
    const stored = impact.config ? findDevice(storedDefinition(known), request.device) : undefined;
    if (stored !== undefined) refuseBusy(storedDefinition(known), stored);

    if (live !== undefined && info !== undefined) {
      await letGo(host, info.domid, live, held.signal);
      if (live.kind === 'disk') await dropUnusedLeases(host, info.domid, name);
    }
    if (stored !== undefined) {
      editDefinition(host, known, (definition) => ({
        ...definition,
        devices: definition.devices.filter((device) => !isSameDevice(device, stored)),
      }));
    }
    const device = live ?? stored;
    if (device === undefined) throw new InvariantError('a change that is for nothing');
    return { name, device };
  });
}

/** @throws ToolstackError, with what to do where the guest does not let go */
async function letGo(host: Host, id: Domid, device: Pluggable, signal: AbortSignal): Promise<void> {
  try {
    await host.toolstack.detach(id, device, signal);
  } catch (error) {
    if (!(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_TIMEDOUT') throw error;
    throw new ToolstackError(error.code, `the guest does not let go of ${deviceText(device)}: ${error.message}`, {
      cause: error,
      hint: 'See that nothing in the guest uses it, and that the guest has a driver for it; then detach it again. It may also go by itself once it is free.',
      data: error.data,
    });
  }
}

/** A running domain has the host's USB devices by their places there. */
async function placed(host: Host, device: WantedDevice): Promise<WantedDevice> {
  if (device.kind !== 'hostdev' || device.type !== 'usb' || device.identity.by === 'address') return device;
  return { ...device, identity: await usbOnHost(host.toolstack.kernelFiles, device.identity) };
}

/** @throws RefusedError `E_REFUSED_DEVICE_BUSY` for a controller that has devices */
function refuseBusy({ name, devices }: Definition, device: Device): void {
  if (device.kind !== 'controller' || device.type !== 'usb') return;
  const on = devices.filter(
    ({ kind, guestAddress }) => kind === 'hostdev' && guestAddress?.type === 'usb' && guestAddress.bus === device.index,
  );
  if (on.length === 0) return;
  throw new RefusedError('E_REFUSED_DEVICE_BUSY', `${deviceText(device)} of domain ${name} has devices`, {
    hint: `Detach them first: ${on.map(deviceText).join(', ')}.`,
  });
}
