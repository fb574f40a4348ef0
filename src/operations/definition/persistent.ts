import { RefusedError } from '../../errors/errors.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { StoredDefinition } from '../../host/registry/definition-file.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';

/**
 * The definition of a persistent domain.
 * @param done what cannot be done to a transient one: `started`
 * @throws RefusedError `E_REFUSED_TRANSIENT`
 */
export function refuseTransient({ name, stored }: KnownDomain, done: string): StoredDefinition {
  if (stored !== undefined) return stored;
  throw new RefusedError('E_REFUSED_TRANSIENT', `domain ${name} is transient: it cannot be ${done}`, {
    hint: `Define it first: \`${ownCommand('dumpxml --security-info', name)}\` prints what \`xenferry define\` takes.`,
  });
}
