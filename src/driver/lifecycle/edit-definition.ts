import type { Definition } from '../../domain/definition/model.js';
import { readDefinition } from '../../domain/definition/read.js';
import { checkDefinition } from '../../domain/definition/validate/definition.js';
import { toDomain } from '../../domain/definition/write.js';
import type { Host } from '../host.js';
import { refuseTransient } from './persistent.js';
import type { KnownDomain } from '../registry/known-domain.js';
import { impactOf, type Impact, type ImpactFlags } from './impact.js';
import { putDefinition } from './define.js';

/** What a change of this domain is for. @throws as `impactOf` */
export function impactOn({ name, info, stored }: KnownDomain, flags: ImpactFlags): Impact {
  return impactOf(flags, { name, isActive: info !== undefined, isPersistent: stored !== undefined });
}

/** The definition that a domain's next start uses, read. @throws RefusedError `E_REFUSED_TRANSIENT` */
export function storedDefinition(known: KnownDomain): Definition {
  return readDefinition(refuseTransient(known, 'changed for its next start').domain, { lenient: true }).definition;
}

/**
 * Changes the definition that a domain's next start uses. The caller holds its job.
 * @throws UsageError `E_USAGE_DOMAIN_*` where the changed one makes no sense; SystemError `E_SYSTEM_REGISTRY`
 */
export function editDefinition(host: Host, known: KnownDomain, edit: (definition: Definition) => Definition): void {
  const edited = edit(storedDefinition(known));
  checkDefinition(edited);
  putDefinition(host, toDomain(edited));
}
