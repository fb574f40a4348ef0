import { RefusedError } from '../../errors/errors.js';
import type { JournalHeader } from '../../journal/records.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';

type Guest = Pick<DomainInfo, 'uuid' | 'name'>;

/** The guest's migration that is in one of these states, by the journal. */
function migrationOf(
  host: Host,
  { uuid }: Guest,
  side: JournalHeader['side'],
  states: readonly (string | undefined)[],
): JournalHeader | undefined {
  return host.journal
    .list()
    .find(({ header, state }) => header.side === side && header.uuid === uuid && states.includes(state?.state))?.header;
}

/**
 * Never two running copies: the migration of a departing domain decides whether it may run here.
 * @throws RefusedError `E_REFUSED_IN_DOUBT`
 */
export function refuseWhileLeaving(host: Host, guest: Guest): void {
  const open = migrationOf(host, guest, 'source', ['in-doubt', 'leaving']);
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_IN_DOUBT',
    `domain ${guest.name} is migrating to ${open.peer}, and may be running there already`,
    { hint: 'Run `xenferry recover`: it asks the destination.' },
  );
}

/** A guest is not moved on from here before its arrival is recorded. @throws RefusedError `E_REFUSED_ARRIVING` */
export function refuseHalfArrived(host: Host, guest: Guest): void {
  const open = migrationOf(host, guest, 'dest', ['committed']);
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_ARRIVING',
    `domain ${guest.name} has arrived from ${open.peer}, but the arrival could not be completed`,
    { hint: 'Run `xenferry recover`: it reports what prevents that.' },
  );
}

/** A copy that is not committed yet must not be changed. @throws RefusedError `E_REFUSED_ARRIVING` */
export function refuseWhileArriving(host: Host, guest: Guest): void {
  const open = migrationOf(host, guest, 'dest', [undefined, 'receiving']);
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_ARRIVING',
    `domain ${guest.name} has not arrived from ${open.peer}: it still runs there`,
    { hint: 'Wait for the migration; if it has ended, run `xenferry recover`.' },
  );
}
