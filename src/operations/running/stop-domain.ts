import type { Domain } from '../../domain/model.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { ShutoffReason } from '../../host/registry/run-records.js';
import type { Stopped } from '../../host/participants/lifecycle-participant.js';
import { keepNote } from './note-run.js';

/**
 * Ends a domain that is there, and all that went along with it. The only way in which xenferry ends one. The caller holds its job.
 * On failure the domain is as the toolstack left it, and its participants have not heard of an end.
 */
export async function endDomain(
  host: Host,
  info: DomainInfo,
  reason: ShutoffReason,
  signal?: AbortSignal,
): Promise<void> {
  const domain = await definitionOf(host, info);
  await host.toolstack.destroy(info.domid, signal);
  await noteStopped(host, { uuid: info.uuid, name: info.name, domid: info.domid, domain, reason });
}

/**
 * All that follows the end of a domain, by whomever it was ended: its participants clean up, the reason is noted, listeners are told.
 * Call it once for each run, under the domain's job. Never rejects.
 */
export async function noteStopped(host: Host, stopped: Stopped): Promise<void> {
  await host.participants.stopped(stopped);
  keepNote(host, stopped.name, () => {
    if (!isPersistent(host, stopped.uuid)) host.runs.remove(stopped.uuid);
    else {
      host.runs.put(stopped.uuid, {
        version: 1,
        name: stopped.name,
        at: new Date().toISOString(),
        state: 'shutoff',
        reason: stopped.reason,
      });
    }
  });
  const { uuid, name, domid, reason } = stopped;
  host.participants.changed({ uuid, name, domid, change: { event: 'stopped', detail: reason } });
}

/** What a domain runs as; undefined where it is going already. */
export async function definitionOf(host: Host, info: DomainInfo): Promise<Domain | undefined> {
  try {
    return (await host.toolstack.describe(info.domid)).domain;
  } catch {
    return undefined; // its end does not depend on it
  }
}

function isPersistent(host: Host, uuid: string): boolean {
  try {
    return host.definitions.get(uuid) !== undefined;
  } catch {
    return true; // a definition that cannot be read is one
  }
}
