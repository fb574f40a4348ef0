import { FEATURES, PROTOCOL, type Reply } from '../../control/messages.js';
import { isOneOf } from '../../control/requester.js';
import { InvariantError, RefusedError } from '../../errors/errors.js';
import type { JournalEntry } from '../../journal/journal-text.js';
import type { Connect } from '../../source/destination.js';
import type { Host } from '../../host/host.js';

/** The copy of a guest in doubt that is kept. */
export type Keep = 'source' | 'dest';

/** The risk of a manual decision. */
export const RISK: Readonly<Record<Keep, string>> = {
  source: 'if the destination has let its copy run, the guest runs twice from now on and destroys its disks',
  dest: 'if the destination does not have the guest, it is lost: the suspended copy here is the only one',
};

/**
 * The migration in doubt that the operator refers to: it has asked its destination to finish and has no answer.
 * @param ref domain's name or UUID, or the migration's own id
 * @throws RefusedError `E_REFUSED_NOT_IN_DOUBT` if there is none, or if the program can settle it by itself
 */
export function findInDoubt(host: Host, ref: string): JournalEntry {
  const meant = host.journal
    .list()
    .filter(({ header }) => header.side === 'source' && [header.name, header.uuid, header.migration].includes(ref));
  const inDoubt = meant.filter(({ state }) => state?.state === 'in-doubt');
  if (inDoubt.length === 1) return inDoubt[0];
  if (inDoubt.length > 1) {
    throw new RefusedError('E_REFUSED_NOT_IN_DOUBT', `${ref} matches ${inDoubt.length} migrations in doubt`, {
      hint: `Name one by its id: ${inDoubt.map(({ header }) => header.migration).join(', ')}.`,
    });
  }
  throw new RefusedError('E_REFUSED_NOT_IN_DOUBT', `no migration of ${ref} is in doubt here`, {
    hint: 'The --force options are for a migration whose destination does not answer; `xenferry recover` settles all others by itself.',
  });
}

/** Records the operator's decision, before it is carried out. */
export function recordDecision(host: Host, { header }: JournalEntry, keep: Keep): void {
  using file = host.journal.resume(header.migration, 'source');
  file.append({
    state: 'in-doubt',
    at: new Date().toISOString(),
    why: `decided by a person: the guest is kept at the ${keep === 'source' ? 'source' : 'destination'}`,
  });
}

/** A destination that answers with the operator's decision, instead of the one that does not answer. */
export function connectToDecision(keep: Keep, peer: string): Connect {
  return () =>
    Promise.resolve({
      hello: { protocol: PROTOCOL, software: 'a person', hostname: peer, features: [...FEATURES], streamVersions: [2] },
      identity: { transport: 'ssh', name: peer, address: peer },
      transport: 'by hand',
      requester: {
        request: (request, expected) => {
          const reply: Reply =
            request.type === 'confirm'
              ? { type: 'confirmed' }
              : { type: 'outcome', outcome: keep === 'source' ? 'aborted' : 'committed' };
          if (isOneOf(reply, expected)) return Promise.resolve(reply);
          return Promise.reject(new InvariantError(`${request.type} is not answered by a decision`));
        },
      },
      openLanes: () => Promise.reject(new InvariantError('lanes to a decision')),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
}
