import { readConfig } from './domain-config.js';
import { takeFaults } from './faults.js';
import type { HostFolder } from './host-folder.js';
import { suspendGuest } from './transfer/suspend-guest.js';

/**
 * Lets a guest suspend itself and stay as it is. The faults of a suspend count here as in a save.
 * @throws as `suspendGuest`
 */
export async function suspendToMemory(host: HostFolder, domid: number, signal: AbortSignal): Promise<void> {
  const { domain } = readConfig(host.domain(domid));
  const faults = await takeFaults(host, domain, ['refuse-suspend', 'crash-on-suspend'], signal);
  await suspendGuest(host, domid, faults, signal);
}
