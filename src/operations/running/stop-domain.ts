import type { Domain } from '../../domain/model.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { ShutoffReason } from '../../host/registry/run-records.js';
import type { Stopped } from '../../host/participants/lifecycle-participant.js';
import { keepNote } from './note-run.js';

/**
 * Destroys a domain and what belongs to it. The only function by which xenferry ends a domain. The caller holds its
 * job. On failure the domain is as the toolstack left it, and its participants are not called.
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
 * The steps after the end of a domain, whatever ended it: its participants clean up, the reason is recorded, the event
 * is emitted. Call it once for each run, under the domain's job. Never rejects.
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

/** The configuration of a running domain; undefined if it is ending already. */
export async function definitionOf(host: Host, info: DomainInfo): Promise<Domain | undefined> {
  try {
    return (await host.toolstack.describe(info.domid)).domain;
  } catch {
    return undefined; // ending the domain does not depend on it
  }
}

function isPersistent(host: Host, uuid: string): boolean {
  try {
    return host.definitions.get(uuid) !== undefined;
  } catch {
    return true; // an unreadable definition is a definition, too
  }
}
