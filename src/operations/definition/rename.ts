import { withName } from '../../domain/names.js';
import { RefusedError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { collisionOf } from '../../host/registry/collisions.js';
import { refuseTransient } from './persistent.js';
import { underJob } from '../running/with-domain.js';

/**
 * Renames a domain that does not run.
 * @throws UsageError `E_USAGE_DOMAIN_NAME`; RefusedError `E_REFUSED_ACTIVE`, `E_REFUSED_NAME_TAKEN`,
 * `E_REFUSED_MANAGED_SAVE`
 */
export async function renameDomain(
  host: Host,
  ref: string,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly before: string; readonly name: string }> {
  const { uuid } = await host.findKnown(ref, signal);
  // The job is taken under the new name, which reserves it; the old one is only released.
  return underJob(host, { uuid, name }, { why: `renaming it to ${name}`, signal }, async () => {
    const known = await host.findKnown(uuid, signal);
    if (known.info !== undefined) {
      throw new RefusedError('E_REFUSED_ACTIVE', `domain '${known.name}' is active: it cannot be renamed`, {
        hint: 'Shut it down first.',
      });
    }
    const stored = refuseTransient(known, 'renamed');
    const domain = withName(stored.domain, name);
    if (known.managedSave) {
      throw new RefusedError('E_REFUSED_MANAGED_SAVE', `domain ${known.name} has a saved state under this name`, {
        hint: 'Start it from there first, or remove the state with `xenferry managedsave-remove`.',
      });
    }
    const others = (await host.known(signal)).domains.filter((other) => other.uuid !== uuid);
    const collision = collisionOf({ uuid, name }, others, false);
    if (collision !== undefined) throw collision;
    host.definitions.put({ ...stored, domain });
    const about = { uuid, domid: undefined };
    host.participants.changed({ ...about, name: known.name, change: { event: 'undefined', detail: 'renamed' } });
    host.participants.changed({ ...about, name, change: { event: 'defined', detail: 'renamed' } });
    return { before: known.name, name };
  });
}
