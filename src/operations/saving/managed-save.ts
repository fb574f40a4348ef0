import type { DomainInfo, TransferEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { saveDomain } from './save.js';
import { refuseTransient } from '../definition/persistent.js';
import { endDomain } from '../running/stop-domain.js';
import { withDomain, withRunning } from '../running/with-domain.js';

/** Options of `managedSave`. */
export interface ManagedSaveRequest {
  /** State after the next start; undefined: the present one. */
  readonly then: 'running' | 'paused' | undefined;
  /** Let a paused domain run for as long as it takes to suspend itself; without this a paused domain is refused. */
  readonly unpause: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
}

/**
 * Saves a persistent domain so that its next start continues from there, and ends it. On any failure the domain is as
 * it was.
 * @throws RefusedError `E_REFUSED_TRANSIENT`, `E_REFUSED_STATE`; ToolstackError
 */
export async function managedSave(host: Host, ref: string, request: ManagedSaveRequest): Promise<DomainInfo> {
  const doing = { ref, why: 'saving it for its next start', operation: 'save', signal: request.signal } as const;
  return withRunning(host, doing, async (info, held) => {
    refuseTransient(await host.findKnown(info.uuid, held.signal), 'saved for a next start');
    // A state from before the present run no longer fits its disks.
    host.managedSaves.remove(info.uuid);
    const paused = request.then === undefined ? info.state === 'paused' : request.then === 'paused';
    await saveDomain(host, info, held, {
      file: host.managedSaves.pathFor(info.uuid, paused),
      unpause: request.unpause,
      onEvent: request.onEvent,
    });
    await endDomain(host, info, 'saved');
    return info;
  });
}

/** Removes a domain's saved state. */
export async function removeManagedSave(
  host: Host,
  ref: string,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly removed: boolean }> {
  return withDomain(host, { ref, why: 'forgetting its saved state', signal }, ({ uuid, name }) =>
    Promise.resolve({ name, removed: host.managedSaves.remove(uuid) }),
  );
}
