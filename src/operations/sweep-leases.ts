import { messageOf } from '../errors/message-of.js';
import type { Host } from '../host/host.js';
import { isHere } from '../host/guest-presence.js';

/**
 * Releases the leases of guests that are no longer on this host, as a killed process leaves them. A guest whose
 * migration is open keeps its leases. Never rejects: a failure with one is logged, and does not keep the others.
 * @returns names of the guests whose leases were released
 */
export async function sweepLeases(host: Host, signal: AbortSignal): Promise<string[]> {
  const swept: string[] = [];
  try {
    for (const { uuid, name } of host.leases.noted()) {
      // The process that works on it handles its leases.
      if (host.jobs.holder(uuid) !== undefined || (await isHere(host, uuid, signal))) continue;
      try {
        using _job = await host.jobs.take(uuid, name, 'releasing its leases', signal);
        if (await isHere(host, uuid, signal)) continue;
        await host.leases.forget(uuid, signal);
        swept.push(name);
      } catch (error) {
        host.log(`${name}: its leases could not be released: ${messageOf(error)}`);
      }
    }
  } catch (error) {
    host.log(`leases: ${messageOf(error)}`);
  }
  return swept;
}
