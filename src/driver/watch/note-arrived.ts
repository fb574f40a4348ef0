import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../host.js';
import { tellRun } from '../lifecycle/note-run.js';

/**
 * A guest has arrived by migration, and that is committed: notes it and tells it (FEATURES 2.8). Nothing happens where it was
 * noted before. The caller holds the domain's job.
 */
export function noteArrived(host: Host, info: DomainInfo): void {
  const note = host.runs.get(info.uuid);
  if (note !== undefined && note.state !== 'shutoff' && note.domid === info.domid) return;
  const isRunning = info.state !== 'paused';
  tellRun(host, info, isRunning ? { state: 'running', reason: 'migrated' } : { state: 'paused', reason: 'migration' }, {
    event: 'started',
    detail: 'migrated',
  });
  const { uuid, name, domid } = info;
  host.companions.changed({
    uuid,
    name,
    domid,
    change: isRunning ? { event: 'resumed', detail: 'migrated' } : { event: 'suspended', detail: 'paused' },
  });
}
