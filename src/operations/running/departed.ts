import { asError, messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { Domain } from '../../domain/model.js';
import type { JournalHeader } from '../../journal/records.js';
import type { DepartureReport } from '../../source/report.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { noteRun } from './note-run.js';
import { noteStopped } from './stop-domain.js';

/** A guest that was to leave. */
export interface Leaver {
  readonly uuid: string;
  readonly name: string;
  readonly domid: number;
  /** What it ran as; undefined where an earlier process began its move. */
  readonly domain: Domain | undefined;
  /** What becomes of its definition here once it has arrived. */
  readonly undefineSource: JournalHeader['undefineSource'];
}

/** The domain as it is here now; undefined where it has gone. An error is what kept us from looking. */
async function look(host: Host, uuid: string): Promise<DomainInfo | Error | undefined> {
  return host.toolstack.lookup(uuid, AbortSignal.timeout(host.deadlines.callMs)).catch(asError);
}

/**
 * All that follows a departure on this host: behind one that is settled the guest has ended here, and its definition is forgotten
 * where that was asked for; behind one that failed the guest is as it was. The caller holds its job. Never rejects.
 * @returns what went wrong, in sentences
 */
export async function afterDeparture(
  host: Host,
  leaver: Leaver,
  report: Pick<DepartureReport, 'place' | 'phase' | 'persistentThere'>,
): Promise<string[]> {
  const { uuid, name, domid, domain, undefineSource } = leaver;
  if (report.place !== 'destination') {
    const info = report.place === 'source-running' && report.phase !== 'prepare' ? await look(host, uuid) : undefined;
    if (info !== undefined && !(info instanceof Error) && info.state === 'running') {
      noteRun(host, info, { state: 'running', reason: 'migration canceled' });
    }
    if (report.place === 'source-suspended') {
      host.participants.changed({ uuid, name, domid, change: { event: 'suspended', detail: 'migrated' } });
    }
    return [];
  }
  // Where its suspended copy could not be destroyed, the migration is still open: `recover` comes here once more.
  const left = await look(host, uuid);
  if (left instanceof Error) {
    // Nothing is forgotten on a guess; what is noted of its run is cleaned up by whoever opens the host next.
    const kept =
      undefineSource === undefined ? '' : `; its definition stays, \`${ownCommand('undefine', name)}\` removes it`;
    return [`whether ${name} has gone from here could not be looked at: ${messageOf(left)}${kept}`];
  }
  if (left?.domid === domid) return [];
  const warnings = forgetDefinition(host, leaver, report.persistentThere);
  await noteStopped(host, { uuid, name, domid, domain, reason: 'migrated' });
  return warnings;
}

function forgetDefinition(host: Host, { uuid, name, undefineSource }: Leaver, persistentThere: boolean): string[] {
  if (undefineSource === undefined) return [];
  if (undefineSource === 'when-persistent' && !persistentThere) {
    return [`the destination does not say that it keeps the definition of ${name}: it stays here as well`];
  }
  try {
    if (host.definitions.remove(uuid)) {
      host.participants.changed({ uuid, name, domid: undefined, change: { event: 'undefined', detail: 'removed' } });
    }
    return [];
  } catch (error) {
    return [`the definition of ${name} could not be removed here: ${messageOf(error)}`];
  }
}
