import type { Device } from '../../domain/definition/devices/device.js';
import { deviceText, isPluggable, type Pluggable } from '../../domain/definition/pluggable.js';
import { RefusedError } from '../../errors/errors.js';
import type { Ability } from '../../toolstack/toolstack.js';

function notHotPluggable(device: Device, why: string, hint: string): RefusedError {
  return new RefusedError('E_REFUSED_UNSUPPORTED', `${deviceText(device)} cannot be hot plugged: ${why}`, { hint });
}

const NEXT_START = 'Use --config, for its next start.';

/**
 * The device as one that can be attached to a running domain, or detached (facts 3.2, S14, S21).
 * @throws RefusedError `E_REFUSED_UNSUPPORTED`
 */
export function hotPluggable(device: Device): Pluggable {
  if (!isPluggable(device)) {
    throw notHotPluggable(device, 'a running domain accepts disks, network cards and USB devices', NEXT_START);
  }
  if (device.kind !== 'disk') return device;
  if (device.device !== 'disk') {
    throw notHotPluggable(
      device,
      `a ${device.device} drive is present from the start; only its medium changes`,
      '`xenferry change-media` changes the medium.',
    );
  }
  if (device.bus !== undefined && device.bus !== 'xen') {
    throw notHotPluggable(
      device,
      `it is on bus ${device.bus}`,
      "Give it a target such as xvdb: only paravirtual disks (bus='xen') can be hot plugged.",
    );
  }
  return device;
}

/** The ability that the toolstack needs. */
export function abilityFor(device: Pluggable): Ability {
  switch (device.kind) {
    case 'disk':
      return 'disk-hotplug';
    case 'interface':
      return 'interface-hotplug';
    case 'controller':
    case 'hostdev':
      return 'usb-hotplug';
  }
}
