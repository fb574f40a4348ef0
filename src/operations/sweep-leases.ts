import { messageOf } from '../errors/message-of.js';
import type { Host } from '../host/host.js';
import { isHere } from '../host/guest-presence.js';

/**
 * Lets go of the leases of guests that are not on this host any more: what a killed process left behind. A guest whose migration
 * is open keeps its own. Never rejects: what goes wrong with one is logged, and does not keep the others.
 * @returns names of the guests whose leases were let go
 */
export async function sweepLeases(host: Host, signal: AbortSignal): Promise<string[]> {
  const swept: string[] = [];
  try {
    for (const { uuid, name } of host.leases.noted()) {
      // Who is at work on it sees to its leases.
      if (host.jobs.holder(uuid) !== undefined || (await isHere(host, uuid, signal))) continue;
      try {
        using _job = await host.jobs.take(uuid, name, 'letting go of its leases', signal);
        if (await isHere(host, uuid, signal)) continue;
        await host.leases.forget(uuid, signal);
        swept.push(name);
      } catch (error) {
        host.log(`${name}: its leases could not be let go: ${messageOf(error)}`);
      }
    }
  } catch (error) {
    host.log(`leases: ${messageOf(error)}`);
  }
  return swept;
}
