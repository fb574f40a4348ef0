import { messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { Host } from '../../host/host.js';
import { refuseTransient } from '../definition/persistent.js';
import { start } from './start.js';
import { withDomain } from '../running/with-domain.js';

/**
 * Sets whether a domain starts with its host. @throws RefusedError `E_REFUSED_TRANSIENT`; SystemError
 * `E_SYSTEM_REGISTRY`
 */
export async function setAutostart(
  host: Host,
  ref: string,
  autostart: boolean,
  signal: AbortSignal,
): Promise<{ readonly uuid: string; readonly name: string }> {
  return withDomain(host, { ref, why: 'changing its autostart', signal }, (known) => {
    const { domain } = refuseTransient(known, 'marked for autostart');
    host.definitions.put({ domain, autostart });
    return Promise.resolve({ uuid: known.uuid, name: known.name });
  });
}

/** Result for one domain. */
export interface Autostarted {
  readonly name: string;
  /** Why it could not be started, with the messages of its causes. */
  readonly error?: Error;
}

/**
 * Starts every domain that starts with its host and does not run: called when a daemon starts. A failure is
 * logged with the reason (S03) and does not keep the others from starting. A domain that has left by migration is
 * skipped: it may run at its destination.
 */
export async function startAutostarted(host: Host, signal: AbortSignal): Promise<Autostarted[]> {
  const { domains, damaged } = await host.known(signal);
  for (const { error } of damaged) host.log(`autostart: ${error.message}`);
  const results: Autostarted[] = [];
  for (const { uuid, name, info, stored } of domains) {
    if (info !== undefined || stored?.autostart !== true) continue;
    signal.throwIfAborted();
    const last = host.runs.get(uuid);
    if (last?.state === 'shutoff' && last.reason === 'migrated') {
      host.log(
        `autostart of ${name} is skipped: the domain was migrated away; \`${ownCommand('start', name)}\` starts it here`,
      );
      continue;
    }
    try {
      await start(host, uuid, { paused: false, forceBoot: false, signal, onEvent: () => undefined });
      results.push({ name });
    } catch (error) {
      host.log(`autostart of ${name} failed: ${messageOf(error)}`);
      results.push({ name, error: error instanceof Error ? error : new Error(messageOf(error)) });
    }
  }
  return results;
}
