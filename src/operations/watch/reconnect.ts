import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { definitionOf, endDomain, noteStopped } from '../running/stop-domain.js';
import { settleDomain, taskOf } from './settle-domain.js';
import { snapshotDomain, snapshotDomains } from './domain-snapshot.js';

export interface ReconnectRequest {
  /** The host has booted since somebody last watched: what is noted as running was another run. */
  readonly rebooted: boolean;
  readonly signal: AbortSignal;
}

export interface Reconnected {
  /** Names of the domains that run and were found again. */
  readonly found: readonly string[];
  /** Names of those of which something could not be done; the log says what. */
  readonly failed: readonly string[];
}

/**
 * Finds the domains of a host again after a daemon's restart, a kill -9 or a reboot (facts 3.9): dead ones are cleaned up behind,
 * numbers are corrected, and for each that runs those who go along with it are told. One that makes trouble does not keep
 * the others from it (S23). Needs the watch.
 */
export async function reconnect(host: Host, { rebooted, signal }: ReconnectRequest): Promise<Reconnected> {
  const found: string[] = [];
  const failed: string[] = [];
  if (rebooted) host.log('this host has booted since its domains were last watched');
  for (const { uuid, info, note, isMoving } of await snapshotDomains(host, signal)) {
    const name = info?.name ?? note?.name ?? uuid;
    // Its migration decides; it is looked at when that is settled.
    if (isMoving) continue;
    signal.throwIfAborted();
    try {
      using _job = await host.jobs.take(uuid, name, 'finding it again', signal);
      if (rebooted) await forgetRun(host, uuid, signal);
      await settleDomain(host, uuid, signal);
      const now = await host.toolstack.lookup(uuid, signal);
      if (now?.uuid !== uuid || host.runs.get(uuid) === undefined || !isAlive(now)) continue;
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

function isAlive({ state }: DomainInfo): boolean {
  return state === 'running' || state === 'paused';
}

/** What was noted of a run before the host went down: that run is over, whatever has its UUID now. */
async function forgetRun(host: Host, uuid: string, signal: AbortSignal): Promise<void> {
  const note = host.runs.get(uuid);
  // Whether it starts again with the host is for its autostart to say.
  if (note?.state === 'shutoff' && note.restarting === true) host.runs.put(uuid, { ...note, restarting: false });
  const over = taskOf({ ...(await snapshotDomain(host, uuid, signal)), info: undefined });
  if (over.do !== 'clean') return;
  const { name, domid, reason } = over;
  host.log(`${name} (id ${domid}): it ended (${reason}) when the host went down, or before`);
  await noteStopped(host, { uuid, name, domid, domain: undefined, reason });
}

/** False where somebody who goes along with the domain objects: then it ends, as libvirt has it. */
async function rejoin(host: Host, info: DomainInfo, signal: AbortSignal): Promise<boolean> {
  const domain = await definitionOf(host, info);
  if (domain === undefined) return true; // it has gone meanwhile: the watcher will see
  try {
    await host.participants.reconnect({ domain, info }, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    host.log(`${info.name}: ends, because ${messageOf(error)}`);
    await endDomain(host, info, 'failed', signal);
    return false;
  }
}
