import { RefusedError } from '../../errors/errors.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { KnownDomain } from './known-domain.js';

/** A domain that is to be added to a host. */
export interface Wanted {
  readonly uuid: string;
  readonly name: string;
}

/**
 * The objection to adding a domain to a host, by libvirt's rules (facts 2.7); undefined if there is none.
 * @param checkLive the domain is about to run: it may be defined here already, but not running
 */
export function collisionOf(
  wanted: Wanted,
  known: readonly KnownDomain[],
  checkLive: boolean,
): RefusedError | undefined {
  const same = known.find(({ uuid }) => uuid === wanted.uuid);
  if (same !== undefined && same.name !== wanted.name && same.stored?.domain.name !== wanted.name) {
    return new RefusedError(
      'E_REFUSED_UUID_TAKEN',
      `domain '${same.name}' is already defined with uuid ${wanted.uuid}`,
      { hint: 'Give the new domain another UUID, or leave it out; `domrename` renames the old one.' },
    );
  }
  if (same?.info?.state === 'dying') {
    return new RefusedError('E_REFUSED_BEING_REMOVED', `domain '${same.name}' is already being removed`, {
      hint: 'Wait until it is removed, and try again.',
    });
  }
  if (checkLive && same?.info !== undefined) {
    return new RefusedError('E_REFUSED_ACTIVE', `domain '${same.name}' is already active`, {
      hint: `It has id ${same.info.domid}; \`${ownCommand('domstate', same.uuid)}\` shows its state.`,
    });
  }
  const other = known.find(
    ({ uuid, name, stored }) => uuid !== wanted.uuid && (name === wanted.name || stored?.domain.name === wanted.name),
  );
  if (other === undefined) return undefined;
  return new RefusedError('E_REFUSED_NAME_TAKEN', `domain '${wanted.name}' already exists with uuid ${other.uuid}`, {
    hint: 'Choose another name, or rename or undefine the domain that has it.',
  });
}
