import { RefusedError } from '../../errors/errors.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { StoredDefinition } from './definition-file.js';
import type { DamagedDefinition } from './definitions.js';
import type { RunRecord } from './run-records.js';

/** A domain of a host: running, defined, or both. */
export interface KnownDomain {
  readonly uuid: string;
  readonly name: string;
  /** Its state in the toolstack; undefined if it does not run. */
  readonly info: DomainInfo | undefined;
  /** Its definition; undefined if it is transient. */
  readonly stored: StoredDefinition | undefined;
  /** It has a saved state for its next start. */
  readonly managedSave: boolean;
}

/** The sources from which a host's domains are listed. */
export interface Sightings {
  readonly infos: readonly DomainInfo[];
  readonly definitions: readonly StoredDefinition[];
  readonly hasManagedSave: (uuid: string) => boolean;
}

/** A suspended domain as a host calls it: `pmsuspended` where the note of its run says that this was meant (L09). */
export function asNoted(info: DomainInfo, note: RunRecord | undefined): DomainInfo {
  if (info.shutdownReason !== 'suspend' || note?.state !== 'pmsuspended' || note.domid !== info.domid) return info;
  const { shutdownReason: _, ...rest } = info;
  return { ...rest, state: 'pmsuspended' };
}

/** Every domain once, by UUID: running ones first, by id; then the others, by name. */
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

/**
 * The domain for a user's reference: id, UUID or name, in this order, as in virsh: a domain named `7` is found if none
 * has that id.
 */
export function pickDomain(domains: readonly KnownDomain[], ref: string): KnownDomain | undefined {
  return (
    domains.find(({ info }) => info !== undefined && String(info.domid) === ref) ??
    domains.find(({ uuid }) => uuid === ref.toLowerCase()) ??
    domains.find(({ name }) => name === ref)
  );
}

/** Name and UUID of domain 0. */
export const DOMAIN0 = { name: 'Domain-0', uuid: '00000000-0000-0000-0000-000000000000' } as const;

/** Whether a reference denotes domain 0. */
export function isDomain0(ref: string): boolean {
  return ref === '0' || ref === DOMAIN0.name || ref === DOMAIN0.uuid;
}

/** Refuses any change of domain 0, by any of its names. @throws RefusedError `E_REFUSED_DOMAIN0` */
export function refuseDomain0(ref: string): void {
  if (!isDomain0(ref)) return;
  throw new RefusedError(
    'E_REFUSED_DOMAIN0',
    'Domain-0 is the host itself: it cannot be moved, stopped or changed here',
    { hint: 'Name a guest domain; `xenferry list --all` shows them.' },
  );
}

/** The error for an unknown reference: `E_REFUSED_NO_DOMAIN`, or the reason why its definition cannot be read. */
export function noSuchDomain(ref: string, damaged: readonly DamagedDefinition[]): Error {
  const mine = damaged.find(({ uuid }) => uuid === ref.toLowerCase());
  if (mine !== undefined) return mine.error;
  const also =
    damaged.length === 0 ? '' : `; ${damaged.length} definitions cannot be read: ${damaged[0].error.message}`;
  return new RefusedError('E_REFUSED_NO_DOMAIN', `no domain '${ref}' on this host${also}`, {
    hint: '`xenferry list --all` shows the domains of this host; -c chooses another one.',
  });
}
