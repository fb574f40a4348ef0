import { RefusedError } from '../../errors/errors.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { StoredDefinition } from './definition-file.js';
import type { DamagedDefinition } from './definitions.js';

/** A domain of a host: one that is there now, one with a definition, or both. */
export interface KnownDomain {
  readonly uuid: string;
  readonly name: string;
  /** As the toolstack sees it now; undefined where it does not run. */
  readonly info: DomainInfo | undefined;
  /** Its definition; undefined where it is transient. */
  readonly stored: StoredDefinition | undefined;
  /** A saved state waits to be started from. */
  readonly managedSave: boolean;
}

/** What of a host is looked at to know a domain. */
export interface Sightings {
  readonly infos: readonly DomainInfo[];
  readonly definitions: readonly StoredDefinition[];
  readonly hasManagedSave: (uuid: string) => boolean;
}

/** Every domain once, by UUID: those that are there first, by id; then the others, by name. */
export function knownDomains({ infos, definitions, hasManagedSave }: Sightings): KnownDomain[] {
  const storedBy = new Map(definitions.map((stored) => [stored.domain.uuid, stored]));
  const live = infos.map((info): KnownDomain => ({
    uuid: info.uuid,
    name: info.name,
    info,
    stored: storedBy.get(info.uuid),
    managedSave: hasManagedSave(info.uuid),
  }));
  const alive = new Set(infos.map(({ uuid }) => uuid));
  const inactive = definitions
    .filter(({ domain }) => !alive.has(domain.uuid))
    .map((stored): KnownDomain => ({
      uuid: stored.domain.uuid,
      name: stored.domain.name,
      info: undefined,
      stored,
      managedSave: hasManagedSave(stored.domain.uuid),
    }));
  return [...live, ...inactive];
}

/** The one that a user names: by id, UUID or name, in this order, as virsh does: a domain that is called `7` is found where none has that id. */
export function pickDomain(domains: readonly KnownDomain[], ref: string): KnownDomain | undefined {
  return (
    domains.find(({ info }) => info !== undefined && String(info.domid) === ref) ??
    domains.find(({ uuid }) => uuid === ref.toLowerCase()) ??
    domains.find(({ name }) => name === ref)
  );
}

/** What domain 0 is called. */
export const DOMAIN0 = { name: 'Domain-0', uuid: '00000000-0000-0000-0000-000000000000' } as const;

/** Whether a user names domain 0. */
export function isDomain0(ref: string): boolean {
  return ref === '0' || ref === DOMAIN0.name || ref === DOMAIN0.uuid;
}

/** Refuses whatever would change domain 0, by any of its names. @throws RefusedError `E_REFUSED_DOMAIN0` */
export function refuseDomain0(ref: string): void {
  if (!isDomain0(ref)) return;
  throw new RefusedError(
    'E_REFUSED_DOMAIN0',
    'Domain-0 is the host itself: it cannot be moved, stopped or changed here',
    { hint: 'Name a guest domain; `xenferry list --all` shows them.' },
  );
}

/** The error for a name that no domain has: `E_REFUSED_NO_DOMAIN`, or why its definition cannot be read. */
export function noSuchDomain(ref: string, damaged: readonly DamagedDefinition[]): Error {
  const mine = damaged.find(({ uuid }) => uuid === ref.toLowerCase());
  if (mine !== undefined) return mine.error;
  const also =
    damaged.length === 0 ? '' : `; ${damaged.length} definitions cannot be read: ${damaged[0].error.message}`;
  return new RefusedError('E_REFUSED_NO_DOMAIN', `no domain '${ref}' on this host${also}`, {
    hint: '`xenferry list --all` shows the domains of this host; -c chooses another one.',
  });
}
