import { RefusedError } from '../../errors/errors.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../host.js';

/**
 * Never two running copies: whether a domain that is leaving may run here is for its migration to settle.
 * @throws RefusedError `E_REFUSED_IN_DOUBT`
 */
export function refuseWhileLeaving(host: Host, { uuid, name }: Pick<DomainInfo, 'uuid' | 'name'>): void {
  const open = host.journal
    .list()
    .find(
      ({ header, state }) =>
        header.side === 'source' && header.uuid === uuid && (state?.state === 'deciding' || state?.state === 'leaving'),
    );
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_IN_DOUBT',
    `domain ${name} is leaving for ${open.header.peer}, and may be running there already`,
    { hint: 'Run `xenferry recover`: it asks the destination.' },
  );
}

/** A guest does not go on from here before its arrival is written down. @throws RefusedError `E_REFUSED_ARRIVING` */
export function refuseHalfArrived(host: Host, { uuid, name }: Pick<DomainInfo, 'uuid' | 'name'>): void {
  const open = host.journal
    .list()
    .find(({ header, state }) => header.side === 'dest' && header.uuid === uuid && state?.state === 'arriving');
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_ARRIVING',
    `domain ${name} has arrived from ${open.header.peer}, but that could not be finished`,
    { hint: 'Run `xenferry recover`: it says what is in the way.' },
  );
}

/** The same for one that is arriving. @throws RefusedError `E_REFUSED_ARRIVING` */
export function refuseWhileArriving(host: Host, { uuid, name }: Pick<DomainInfo, 'uuid' | 'name'>): void {
  const open = host.journal
    .list()
    .find(
      ({ header, state }) =>
        header.side === 'dest' && header.uuid === uuid && (state === undefined || state.state === 'receiving'),
    );
  if (open === undefined) return;
  throw new RefusedError(
    'E_REFUSED_ARRIVING',
    `domain ${name} has not arrived from ${open.header.peer}: it still runs there`,
    {
      hint: 'Wait for the migration; if it has ended, run `xenferry recover`.',
    },
  );
}
