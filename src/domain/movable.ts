import { RefusedError } from '../errors/errors.js';
import { isElement } from '../xml/element.js';
import { devicePaths } from './definition/devices/device.js';
import type { Domain } from './model.js';

/**
 * Devices that keep the domain on its host: devices of the host that are assigned to it (facts 2.6). Looked up in the
 * XML itself, since the decision must not depend on other parts that cannot be read.
 */
export function migrationBlockers(domain: Domain): string[] {
  const devices = domain.rest
    .filter(({ name }) => name === 'devices')
    .flatMap(({ children }) => children.filter(isElement));
  const paths = devicePaths(devices);
  return devices.flatMap(({ name, attributes }, index) => {
    const isHostdev = name === 'hostdev' || (name === 'interface' && attributes.get('type') === 'hostdev');
    if (!isHostdev) return [];
    return [`${paths[index]}: a ${attributes.get('type') ?? ''} device of the host is assigned to the guest`];
  });
}

/** Refuses a domain that cannot migrate, before anything is changed. @throws RefusedError `E_REFUSED_HOST_DEVICE` */
export function checkMovable(domain: Domain): void {
  const blockers = migrationBlockers(domain);
  if (blockers.length === 0) return;
  throw new RefusedError('E_REFUSED_HOST_DEVICE', `domain ${domain.name} cannot migrate: ${blockers.join('; ')}`, {
    hint: 'Detach the device in the guest and on the host, then try again.',
    data: { blockers },
  });
}
