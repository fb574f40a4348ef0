import { completeDevice } from '../../domain/definition/defaults.js';
import type { Device } from '../../domain/definition/devices/device.js';
import type { Definition } from '../../domain/definition/model.js';
import { deviceText, type Pluggable } from '../../domain/definition/pluggable.js';
import { AbortedError, InvariantError, RefusedError, ToolstackError } from '../../errors/errors.js';
import type { Domid } from '../../toolstack/domid.js';
import type { DetachOptions, DomainInfo, HostInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { defineContext } from '../definition/define-context.js';
import { editedDefinition, impactOn, putBehindLive, storedDefinition } from '../definition/edit-definition.js';
import type { ImpactFlags } from '../definition/impact.js';
import { needAbility } from '../running/need-ability.js';
import { withDomain } from '../running/with-domain.js';
import type { DeviceChange } from './attach-device.js';
import { runningDefinition } from './running-definition.js';
import { dropLease, hasDevice } from './plug-in.js';
import { findDevice, type WantedDevice } from './find-device.js';
import { usbOnHost } from '../usb/host-usb.js';
import { abilityFor, hotPluggable } from './hot-pluggable.js';

/** Options of `detachDevice`. */
export interface DetachRequest {
  readonly device: WantedDevice;
  readonly flags: ImpactFlags;
  /** Detach a disk also if the guest is using it. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/**
 * Detaches a device: from the running domain, from its definition, or both; both are checked before either is changed.
 * A running guest has to release it. @throws as `impactOf`, `hotPluggable` and `findDevice`; RefusedError
 * `E_REFUSED_DEVICE_BUSY`, `E_REFUSED_STATE` for a disk of a paused guest; ToolstackError
 */
export async function detachDevice(host: Host, ref: string, request: DetachRequest): Promise<DeviceChange> {
  const { flags, force, signal } = request;
  return withDomain(host, { ref, why: 'detaching a device', signal }, async (known, held) => {
    const { name, info } = known;
    const impact = impactOn(known, flags);
    let live: Pluggable | undefined;
    if (impact.live && info !== undefined) {
      const running = await runningDefinition(host, info.domid, held.signal);
      const found = findDevice(running, await placed(host, request.device));
      live = hotPluggable(completeDevice(found, running.type, defineContext));
      refuseBusy(running, live);
      const here = await needAbility(host, abilityFor(live), held.signal);
      if (live.kind === 'disk' && !force) refuseUnsafe(here, info, live);
    }
    const definition = impact.config ? storedDefinition(known) : undefined;
    const stored = definition && findDevice(definition, request.device);
    if (definition !== undefined && stored !== undefined) refuseBusy(definition, stored);
    const edited =
      stored &&
      editedDefinition(known, (before) => {
        const same = findDevice(before, request.device);
        return { ...before, devices: before.devices.filter((one) => one !== same) };
      });

    if (live !== undefined && info !== undefined) {
      await letGo(host, info.domid, live, { force, signal: held.signal });
      await dropLease(host, { id: info.domid, uuid: info.uuid, name }, live);
    }
    if (edited !== undefined) putBehindLive(host, edited, live !== undefined);
    const device = live ?? stored;
    if (device === undefined) throw new InvariantError('a change that applies to nothing');
    return { name, device };
  });
}

/**
 * A disk is detached only when its guest releases it. @throws RefusedError `E_REFUSED_UNSUPPORTED` if the toolstack
 * does not ask the guest; `E_REFUSED_STATE` if the guest cannot answer: libxl detaches disks that a device model serves
 * from a paused guest
 */
function refuseUnsafe({ toolstack, version, lacks }: HostInfo, info: DomainInfo, disk: Pluggable): void {
  if (lacks.includes('disk-safe-detach')) {
    throw new RefusedError(
      'E_REFUSED_UNSUPPORTED',
      `the toolstack of this host (${toolstack} ${version}) detaches a disk whether its guest uses it or not`,
      { hint: 'Make sure that nothing in the guest uses it, then add --force.', data: { ability: 'disk-safe-detach' } },
    );
  }
  if (info.state === 'running') return;
  throw new RefusedError(
    'E_REFUSED_STATE',
    `domain ${info.name} is ${info.state}: its guest cannot release ${deviceText(disk)}`,
    { hint: 'Resume it (`xenferry resume`), or add --force: data that the guest has not written yet is lost then.' },
  );
}

const PENDING =
  'The request is pending, and the disk is detached as soon as the guest releases it: make sure that nothing in the guest uses the disk, then run detach again to complete it.';

/**
 * Detaches the device. A device that is gone counts as detached, whatever error the toolstack returns. @throws
 * ToolstackError, with a remedy
 */
async function letGo(host: Host, id: Domid, device: Pluggable, options: DetachOptions): Promise<void> {
  try {
    await host.toolstack.detach(id, device, options);
  } catch (error) {
    const isAsked = device.kind === 'disk' && !options.force;
    if (error instanceof AbortedError && isAsked)
      throw new AbortedError(error.message, { cause: error, hint: PENDING });
    if (!(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_TIMEDOUT') throw error;
    const signal = AbortSignal.timeout(host.deadlines.callMs);
    if (!(await hasDevice(host, id, device, signal).catch(() => true))) return;
    throw new ToolstackError(error.code, `the guest does not release ${deviceText(device)}: ${error.message}`, {
      cause: error,
      hint: isAsked
        ? `${PENDING} --force detaches it at once: data that the guest has not written yet is lost.`
        : 'Its backend on this host does not respond: look at its logs.',
      data: error.data,
    });
  }
}

/** A running domain identifies the host's USB devices by their place on the host. */
async function placed(host: Host, device: WantedDevice): Promise<WantedDevice> {
  if (device.kind !== 'hostdev' || device.type !== 'usb' || device.identity.by === 'address') return device;
  return { ...device, identity: await usbOnHost(host.toolstack.kernelFiles, device.identity) };
}

/** A controller cannot be detached while it has devices. @throws RefusedError `E_REFUSED_DEVICE_BUSY` */
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
