import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ToolstackError } from '../../errors/errors.js';
import type { Domid } from '../domid.js';
import type { LibxlNative } from './native.js';

/** A device model handles a new device after libxl has reported success: it is observed for so long, in ms, and so often. */
const OBSERVED_MS = 2000;
const LOOK_MS = 100;

export interface DeviceModelWatch {
  /** Default: whether the process is there. */
  readonly isAlive?: (pid: number) => boolean;
  readonly observedMs?: number;
}

/**
 * Finds out whether the device model of a domain survives a change of its devices: libxl reports success for one that ends it, and the
 * next save or migration would fail. A domain without one passes at once.
 * @throws ToolstackError `E_TOOLSTACK_DEVICE_MODEL`
 */
export async function checkDeviceModel(
  native: Pick<LibxlNative, 'deviceModelPid'>,
  id: Domid,
  { isAlive = (pid) => existsSync(`/proc/${pid}`), observedMs = OBSERVED_MS }: DeviceModelWatch = {},
): Promise<void> {
  const pid = await native.deviceModelPid(id);
  if (pid === undefined) return;
  const until = performance.now() + observedMs;
  while (isAlive(pid)) {
    if (performance.now() >= until) return;
    await sleep(LOOK_MS);
  }
  throw new ToolstackError('E_TOOLSTACK_DEVICE_MODEL', `the device model of domain ${id} (process ${pid}) has ended`, {
    hint: 'The guest can be neither saved nor migrated any more: shut it down and start it again. /var/log/xen/qemu-dm-NAME.log says why it ended.',
    data: { domid: id, pid },
  });
}
