import { formatDomainXml } from '../../domain/format.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError } from '../../errors/errors.js';
import type { JournalEntry } from '../../journal/journal-text.js';
import type { Host } from '../../host/host.js';

/**
 * Whether this host's journal shows that the domain was at that peer: it was migrated there from here, or here from
 * there.
 */
function hasHeld({ header, state }: JournalEntry, uuid: string, peer: string): boolean {
  if (header.uuid !== uuid || header.identity !== peer) return false;
  return state?.state === (header.side === 'source' ? 'released' : 'activated');
}

/** The definition that this host keeps; undefined if it keeps none, or if the received one is equal. */
function definitionAtStake(host: Pick<Host, 'definitions'>, sent: Domain): Domain | undefined {
  const kept = host.definitions.get(sent.uuid)?.domain;
  return kept === undefined || formatDomainXml(kept) === formatDomainXml(sent) ? undefined : kept;
}

/**
 * A definition that a peer sends replaces ours only if the peer has held the domain: otherwise any host that may send
 * guests could change what starts here next.
 * @throws RefusedError `E_REFUSED_DEFINITION`; SystemError `E_SYSTEM_DEFINITION`
 */
export function refuseForeignDefinition(
  host: Pick<Host, 'definitions' | 'journal' | 'peers'>,
  sent: Domain,
  peer: string,
): void {
  if (definitionAtStake(host, sent) === undefined || host.peers.mayReplaceDefinitions) return;
  if (host.journal.list().some((entry) => hasHeld(entry, sent.uuid, peer))) return;
  throw new RefusedError(
    'E_REFUSED_DEFINITION',
    `a definition of ${sent.name} is stored here, and ${peer} has not held that domain before`,
    {
      hint: 'Migrate it without --persistent, or `xenferry undefine` it at the destination first; `peers_may = ["replace-definition"]` in the destination\'s configuration lets every peer replace definitions.',
    },
  );
}
