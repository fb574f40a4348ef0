import type { Definition } from '../../domain/definition/model.js';
import { readDefinition } from '../../domain/definition/read.js';
import { checkDefinition } from '../../domain/definition/validate/definition.js';
import { toDomain } from '../../domain/definition/write.js';
import { SystemError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import { refuseTransient } from './persistent.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import { impactOf, type Impact, type ImpactFlags } from './impact.js';
import { putDefinition } from './define.js';

/** What a change of this domain applies to. @throws as `impactOf` */
export function impactOn({ name, info, stored }: KnownDomain, flags: ImpactFlags): Impact {
  return impactOf(flags, { name, isActive: info !== undefined, isPersistent: stored !== undefined });
}

/** The definition that a domain's next start uses, parsed. @throws RefusedError `E_REFUSED_TRANSIENT` */
export function storedDefinition(known: KnownDomain): Definition {
  return readDefinition(refuseTransient(known, 'changed for its next start').domain, { lenient: true }).definition;
}

/**
 * The changed definition for a domain's next start: nothing is written yet. @throws UsageError `E_USAGE_DOMAIN_*` if it
 * is invalid; RefusedError `E_REFUSED_TRANSIENT`
 */
export function editedDefinition(known: KnownDomain, edit: (definition: Definition) => Definition): Definition {
  const edited = edit(storedDefinition(known));
  checkDefinition(edited);
  return edited;
}

/**
 * Changes the definition that a domain's next start uses. The caller holds its job.
 * @throws as `editedDefinition`; SystemError `E_SYSTEM_REGISTRY`
 */
export function editDefinition(host: Host, known: KnownDomain, edit: (definition: Definition) => Definition): void {
  putDefinition(host, toDomain(editedDefinition(known, edit)));
}

/**
 * Writes a definition after a change of the running domain. @throws SystemError `E_SYSTEM_REGISTRY`, which states that
 * the running domain was changed
 */
export function putBehindLive(host: Host, definition: Definition, isLiveChanged: boolean): void {
  try {
    putDefinition(host, toDomain(definition));
  } catch (cause) {
    if (!isLiveChanged) throw cause;
    throw new SystemError(
      'E_SYSTEM_REGISTRY',
      `domain ${definition.name} was changed while running, but its definition was not: ${messageOf(cause)}`,
      { cause, hint: 'Correct the cause, then repeat the change with --config alone.' },
    );
  }
}
