import type { Device } from '../../domain/definition/devices/device.js';
import type { DeviceBase } from '../../domain/definition/devices/base.js';
import { plainDevice } from '../../domain/definition/devices/device.js';
import type { Disk, DiskSource } from '../../domain/definition/devices/disk.js';
import type { Definition } from '../../domain/definition/model.js';
import { completeDevice } from '../../domain/definition/defaults.js';
import { deviceText } from '../../domain/definition/pluggable.js';
import { checkDevice } from '../../domain/definition/validate/definition.js';
import { RefusedError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { defineContext } from '../definition/define-context.js';
import { refuseMissingDisk } from '../running/disks-here.js';
import { editedDefinition, impactOn, putBehindLive } from '../definition/edit-definition.js';
import type { ImpactFlags } from '../definition/impact.js';
import { needAbility } from '../running/need-ability.js';
import { withDomain } from '../running/with-domain.js';
import type { DeviceChange } from './attach-device.js';
import { runningDefinition } from './running-definition.js';
import { findDevice } from './find-device.js';

type CdromDrive = Disk & DeviceBase;

/** Options of `updateDevice`. */
export interface UpdateRequest {
  readonly device: Device;
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

/**
 * Changes a device of a domain. In a running domain only the medium of a CD-ROM drive can change; in a definition any
 * device. @throws as `impactOf`, `findDevice` and `checkDevice`; RefusedError `E_REFUSED_UNSUPPORTED`,
 * `E_REFUSED_DISK_MISSING`
 */
export async function updateDevice(host: Host, ref: string, request: UpdateRequest): Promise<DeviceChange> {
  return change(host, ref, request, ({ type }, had) => {
    const { device: given } = request;
    const same =
      given.kind === 'interface' && had.kind === 'interface' ? { ...given, mac: given.mac ?? had.mac } : given;
    const device = completeDevice(same, type, defineContext);
    return { ...device, alias: device.alias ?? had.alias, guestAddress: device.guestAddress ?? had.guestAddress };
  });
}

/** What `changeMedia` does: `update` ejects an old medium first. */
export type MediumAction = 'insert' | 'eject' | 'update';

/** Options of `changeMedia`. */
export interface MediumRequest {
  /** The drive: `hdc`. */
  readonly target: string;
  readonly action: MediumAction;
  /** Undefined: none. */
  readonly source: Extract<DiskSource, { type: 'file' | 'block' }>;
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

/**
 * Inserts a medium into a CD-ROM drive, or ejects it. @throws as `updateDevice`; RefusedError `E_REFUSED_MEDIUM` if the
 * drive has a medium and should not, or has none
 */
export async function changeMedia(host: Host, ref: string, request: MediumRequest): Promise<DeviceChange> {
  const { target, action, source, flags, signal } = request;
  const wanted = drive(target, source);
  return change(host, ref, { device: wanted, flags, signal }, ({ name }, had) => {
    const disk = cdrom(name, had);
    const isEmpty = (disk.source.type === 'file' || disk.source.type === 'block') && disk.source.path === undefined;
    if (action === 'insert' && !isEmpty) {
      throw new RefusedError('E_REFUSED_MEDIUM', `drive ${target} of domain ${name} has a medium already`, {
        hint: 'Use --update to change it.',
      });
    }
    if (action === 'eject' && isEmpty) {
      throw new RefusedError('E_REFUSED_MEDIUM', `drive ${target} of domain ${name} has no medium`, {
        hint: 'There is nothing to eject.',
      });
    }
    // The driver of the old medium does not apply to the new one.
    return completeDevice({ ...disk, source, driver: undefined, format: undefined }, 'hvm', defineContext);
  });
}

function drive(target: string, source: DiskSource): Device {
  return plainDevice({
    kind: 'disk',
    device: 'cdrom',
    target,
    source,
    driver: undefined,
    format: undefined,
    discard: undefined,
    bus: undefined,
    readonly: true,
    shareable: false,
    transient: false,
    backendDomain: undefined,
  });
}

async function change(
  host: Host,
  ref: string,
  { device, flags, signal }: UpdateRequest,
  edit: (definition: Definition, had: Device) => Device,
): Promise<DeviceChange> {
  return withDomain(host, { ref, why: 'changing a device', signal }, async (known, held) => {
    const { name, info } = known;
    const impact = impactOn(known, flags);
    let live: CdromDrive | undefined;
    if (impact.live && info !== undefined) {
      const running = await runningDefinition(host, info.domid, held.signal);
      const had = cdrom(name, findDevice(running, device));
      live = cdrom(name, edited(running, had, edit));
      await refuseMissingDisk(await needAbility(host, 'media-change', held.signal), name, live);
    }
    let stored: Device | undefined;
    const after = impact.config
      ? editedDefinition(known, (before) => {
          const had = findDevice(before, device);
          const now = edited(before, had, edit);
          stored = now;
          return { ...before, devices: before.devices.map((one) => (one === had ? now : one)) };
        })
      : undefined;

    if (live !== undefined && info !== undefined) await host.toolstack.changeMedium(info.domid, live, held.signal);
    if (after !== undefined) putBehindLive(host, after, live !== undefined);
    return { name, device: live ?? stored ?? device };
  });
}

function edited(definition: Definition, had: Device, edit: (definition: Definition, had: Device) => Device): Device {
  const device = edit(definition, had);
  checkDevice(device, { ...definition, devices: definition.devices.filter((one) => one !== had) });
  return device;
}

/** The device as a CD-ROM drive. @throws RefusedError `E_REFUSED_UNSUPPORTED` for any other device */
function cdrom(name: string, device: Device): CdromDrive {
  if (device.kind === 'disk' && device.device === 'cdrom') return device;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `${deviceText(device)} of domain ${name} cannot be changed while it runs: only the medium of a CD-ROM drive can`,
    { hint: 'Use --config, for its next start; or detach it and attach it again.' },
  );
}
