import { asError, messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { Domain } from '../../domain/model.js';
import type { JournalHeader } from '../../journal/records.js';
import type { DepartureReport } from '../../source/report.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { noteRun } from './note-run.js';
import { noteStopped } from './stop-domain.js';

/** A guest that was to be migrated away. */
export interface Leaver {
  readonly uuid: string;
  readonly name: string;
  readonly domid: number;
  /** Its running configuration; undefined if an earlier process began the migration. */
  readonly domain: Domain | undefined;
  /** What is to be done with its definition here once it has arrived. */
  readonly undefineSource: JournalHeader['undefineSource'];
}

/** The domain as it is here now; undefined if it is gone. An error if that could not be determined. */
async function look(host: Host, uuid: string): Promise<DomainInfo | Error | undefined> {
  return host.toolstack.lookup(uuid, AbortSignal.timeout(host.deadlines.callMs)).catch(asError);
}

/**
 * The steps on this host after a departure: after a successful one the guest has ended here, and its definition is
 * removed if that was requested; after a failed one the guest is as it was. The caller holds its job. Never rejects.
 * @returns what failed, as sentences
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
  // If its suspended copy could not be destroyed, the migration is still open: `recover` gets here again.
  const left = await look(host, uuid);
  if (left instanceof Error) {
    // Nothing is removed on a guess; the records of its run are cleaned up when the host is opened next.
    const kept =
      undefineSource === undefined ? '' : `; its definition stays, \`${ownCommand('undefine', name)}\` removes it`;
    return [`could not determine whether ${name} has ended here: ${messageOf(left)}${kept}`];
  }
  if (left?.domid === domid) return [];
  const warnings = forgetDefinition(host, leaver, report.persistentThere);
  await noteStopped(host, { uuid, name, domid, domain, reason: 'migrated' });
  return warnings;
}

function forgetDefinition(host: Host, { uuid, name, undefineSource }: Leaver, persistentThere: boolean): string[] {
  if (undefineSource === undefined) return [];
  if (undefineSource === 'when-persistent' && !persistentThere) {
    return [
      `the destination does not report that it keeps the definition of ${name}: the definition stays here as well`,
    ];
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
