import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { asNoted } from '../../host/registry/known-domain.js';
import type { RunRecord } from '../../host/registry/run-records.js';
import { definitionOf, endDomain, noteStopped } from '../running/stop-domain.js';
import { settleDomain, taskOf } from './settle-domain.js';
import { snapshotDomain, snapshotDomains } from './domain-snapshot.js';

/** Options of `reconnect`. */
export interface ReconnectRequest {
  /** The host has booted since it was last watched: a run recorded before has ended. */
  readonly rebooted: boolean;
  readonly signal: AbortSignal;
}

/** Result of `reconnect`. */
export interface Reconnected {
  /** Names of the domains that run and were found again. */
  readonly found: readonly string[];
  /** Names of those for which a step failed; the log has the reason. */
  readonly failed: readonly string[];
}

/**
 * Finds the domains of a host again after a daemon's restart, a kill -9 or a reboot (facts 3.9): dead ones are cleaned
 * up, ids are corrected, and the participants of each running one are called. A failure of one does not keep the others
 * from being found (S23). Needs the watch lock.
 */
export async function reconnect(host: Host, { rebooted, signal }: ReconnectRequest): Promise<Reconnected> {
  const found: string[] = [];
  const failed: string[] = [];
  if (rebooted) host.log('this host has booted since its domains were last watched');
  for (const { uuid, info, note, isMoving } of await snapshotDomains(host, signal)) {
    const name = info?.name ?? note?.name ?? uuid;
    // Its migration decides; it is checked when that is settled.
    if (isMoving) continue;
    signal.throwIfAborted();
    try {
      using _job = await host.jobs.take(uuid, name, 'finding it again', signal);
      if (rebooted) await forgetRun(host, uuid, signal);
      await settleDomain(host, uuid, signal);
      const now = await host.toolstack.lookup(uuid, signal);
      if (now?.uuid !== uuid || !isAlive(now, host.runs.get(uuid))) continue;
      if (await rejoin(host, now, signal)) found.push(now.name);
      else failed.push(now.name);
    } catch (error) {
      signal.throwIfAborted();
      host.log(`${name}: finding it again failed: ${messageOf(error)}`);
      failed.push(name);
    }
  }
  return { found, failed };
}

/** Whether it has a run that we know of: one that is suspended to memory goes on with it. */
function isAlive(info: DomainInfo, note: RunRecord | undefined): boolean {
  const { state } = asNoted(info, note);
  return note !== undefined && (state === 'running' || state === 'paused' || state === 'pmsuspended');
}

/** Ends the record of a run from before the host went down, whatever has its UUID now. */
async function forgetRun(host: Host, uuid: string, signal: AbortSignal): Promise<void> {
  const note = host.runs.get(uuid);
  // Its autostart decides whether it starts again.
  if (note?.state === 'shutoff' && note.restarting === true) host.runs.put(uuid, { ...note, restarting: false });
  const over = taskOf({ ...(await snapshotDomain(host, uuid, signal)), info: undefined });
  if (over.do !== 'clean') return;
  const { name, domid, reason } = over;
  host.log(`${name} (id ${domid}): it ended (${reason}) when the host went down, or before`);
  await noteStopped(host, { uuid, name, domid, domain: undefined, reason });
}

/** False if a participant objects: the domain is then destroyed, as in libvirt. */
async function rejoin(host: Host, info: DomainInfo, signal: AbortSignal): Promise<boolean> {
  const domain = await definitionOf(host, info);
  if (domain === undefined) return true; // it has ended meanwhile: the watcher handles that
  try {
    await host.participants.reconnect({ domain, info }, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    host.log(`${info.name}: is destroyed, because ${messageOf(error)}`);
    await endDomain(host, info, 'failed', signal);
    return false;
  }
}
