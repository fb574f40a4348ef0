import type { Definition } from '../../domain/definition/model.js';
import { RefusedError } from '../../errors/errors.js';
import type { HostInfo } from '../../toolstack/toolstack.js';
import { isOlderXen } from '../../toolstack/xen-release.js';

/** The newest release whose distributions ship a device model (QEMU 7.2) that is known to accept the controller. */
const LAST_THAT_CAN = '4.17';

/**
 * Refuses a USB controller for a running HVM guest where that ends its device model: QEMU 10 exits with "Device 'xen-backend' does not
 * support hotplugging" while libxl reports success, and the guest can then be neither saved nor migrated.
 * @throws RefusedError `E_REFUSED_UNSUPPORTED`
 */
export function refuseUsbOfHvm({ xen }: HostInfo, { type, name }: Definition): void {
  if (type !== 'hvm' || !isOlderXen(LAST_THAT_CAN, xen)) return;
  throw new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `a USB controller cannot be given to ${name} while it runs: the device model of an HVM guest on Xen ${xen} would exit`,
    { hint: 'Use --config, for its next start.', data: { xen: xen ?? '' } },
  );
}
