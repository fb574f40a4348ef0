import { defineDomain } from '../../domain/definition/define.js';
import type { Domain } from '../../domain/model.js';
import { RefusedError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { collisionOf } from '../../host/registry/collisions.js';
import { pickDomain, refuseDomain0, type KnownDomain } from '../../host/registry/known-domain.js';
import { defineContext } from './define-context.js';
import { withDomain } from '../running/with-domain.js';

/** Options of `define`. */
export interface DefineRequest {
  /** Refuse what the schema does not define, instead of ignoring it with a warning (S06). */
  readonly validate: boolean;
  readonly signal: AbortSignal;
}

/** Result of `define`. */
export interface DefinedDomain {
  readonly domain: Domain;
  readonly change: 'added' | 'updated';
  readonly warnings: readonly string[];
}

/**
 * Stores a definition, replacing the domain's previous one. A running transient domain becomes persistent; the running
 * domain is not changed.
 * @throws UsageError `E_USAGE_DOMAIN_*`; RefusedError of facts 2.7; SystemError `E_SYSTEM_REGISTRY`
 */
export async function define(host: Host, xml: string, { validate, signal }: DefineRequest): Promise<DefinedDomain> {
  const { domain, warnings } = defineDomain(xml, { ...defineContext, carryUnknown: !validate });
  using _job = await host.jobs.take(domain.uuid, domain.name, 'defining it', signal);
  const { domains } = await host.known(signal);
  const collision = collisionOf(domain, domains, false);
  if (collision !== undefined) throw collision;
  return { domain, change: putDefinition(host, domain), warnings };
}

/** Writes a domain's definition and emits the event; the autostart mark stays. The caller holds the domain's job. */
export function putDefinition(host: Host, domain: Domain): 'added' | 'updated' {
  const before = host.definitions.get(domain.uuid);
  host.definitions.put({ domain, autostart: before?.autostart ?? false });
  const detail = before === undefined ? 'added' : 'updated';
  const { uuid, name } = domain;
  host.participants.changed({ uuid, name, domid: undefined, change: { event: 'defined', detail } });
  return detail;
}

/** Options of `undefine`. */
export interface UndefineRequest {
  /** Remove its saved state as well. */
  readonly managedSave: boolean;
  readonly signal: AbortSignal;
}

/**
 * Removes a domain's definition; a running domain continues as a transient one. An unreadable definition is addressed
 * by its UUID.
 * @throws RefusedError `E_REFUSED_TRANSIENT`, `E_REFUSED_MANAGED_SAVE`, `E_REFUSED_NO_DOMAIN`; SystemError
 * `E_SYSTEM_REGISTRY`
 */
export async function undefine(
  host: Host,
  ref: string,
  request: UndefineRequest,
): Promise<{ readonly uuid: string; readonly name: string }> {
  refuseDomain0(ref);
  const { domains, damaged } = await host.known(request.signal);
  const unreadable = damaged.find(({ uuid }) => uuid === ref.toLowerCase());
  if (unreadable !== undefined) {
    const { uuid } = unreadable;
    const name = pickDomain(domains, uuid)?.name ?? uuid;
    using _job = await host.jobs.take(uuid, name, 'undefining it', request.signal);
    forget(host, { uuid, name, managedSave: host.managedSaves.has(uuid) }, request.managedSave);
    return { uuid, name };
  }
  return withDomain(host, { ref, why: 'undefining it', signal: request.signal }, (domain) => {
    if (domain.stored === undefined) {
      throw new RefusedError('E_REFUSED_TRANSIENT', `domain ${domain.name} is transient: it has no definition`, {
        hint: 'A transient domain is removed when it stops; `xenferry destroy` stops it.',
      });
    }
    forget(host, domain, request.managedSave);
    return Promise.resolve({ uuid: domain.uuid, name: domain.name });
  });
}

function forget(
  host: Host,
  { uuid, name, managedSave }: Pick<KnownDomain, 'uuid' | 'name' | 'managedSave'>,
  withSave: boolean,
): void {
  if (managedSave && !withSave) {
    throw new RefusedError('E_REFUSED_MANAGED_SAVE', `domain ${name} has a saved state`, {
      hint: 'Start it from there first, or remove the state as well with --managed-save.',
    });
  }
  if (managedSave) host.managedSaves.remove(uuid);
  host.definitions.remove(uuid);
  host.participants.changed({ uuid, name, domid: undefined, change: { event: 'undefined', detail: 'removed' } });
}
