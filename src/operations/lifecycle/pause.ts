import { RefusedError } from '../../errors/errors.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { tellRun } from '../running/note-run.js';
import { refuseWhileArriving, refuseWhileLeaving } from '../running/open-migration.js';
import { stateText, wakeHint } from '../running/state-text.js';
import { withRunning } from '../running/with-domain.js';

/** Pauses a domain; one that is paused already stays so. @throws RefusedError `E_REFUSED_STATE` */
export async function suspendDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withRunning(host, { ref, why: 'pausing it', signal }, async (info) => {
    if (info.state === 'paused') return info;
    if (info.state !== 'running') throw stateError(info, 'paused', 'running');
    await host.toolstack.pause(info.domid, signal);
    tellRun(host, info, { state: 'paused', reason: 'user' }, { event: 'suspended', detail: 'paused' });
    return info;
  });
}

/**
 * Unpauses a domain; also resumes one that an abandoned save left suspended, unless its migration is still open.
 * @throws RefusedError `E_REFUSED_STATE`, `E_REFUSED_IN_DOUBT`, `E_REFUSED_ARRIVING`, `E_REFUSED_LEASE`
 */
export async function resumeDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withRunning(host, { ref, why: 'resuming it', signal }, async (info) => {
    if (info.state === 'running') return info;
    if (info.state === 'paused') {
      refuseWhileArriving(host, info);
      await host.toolstack.unpause(info.domid, signal);
    } else {
      if (info.state === 'pmsuspended' || info.shutdownReason !== 'suspend')
        throw stateError(info, 'resumed', 'paused');
      refuseWhileLeaving(host, info);
      await host.leases.migrating.check(info.uuid, signal);
      await host.toolstack.resume(info.domid, signal);
    }
    tellRun(host, info, { state: 'running', reason: 'unpaused' }, { event: 'resumed', detail: 'unpaused' });
    return info;
  });
}

/** The error for a domain that is not in the state that is required. */
export function stateError(info: DomainInfo, done: string, needed: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_STATE',
    `domain ${info.name} cannot be ${done}: it is ${stateText(info)}, not ${needed}`,
    info.state === 'pmsuspended' ? { hint: wakeHint(info) } : {},
  );
}
