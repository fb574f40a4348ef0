import type { Domain } from '../../domain/model.js';
import { domainMessages } from '../../domain/definition/messages.js';
import { formatDomainXml } from '../../domain/format.js';
import { withoutPasswords } from '../../domain/passwords.js';
import type { GuestReport } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { noSuchDomain, type KnownDomain } from '../../host/registry/known-domain.js';

/** A domain, as `dominfo` shows it. */
export interface DomainDetails {
  readonly known: KnownDomain;
  /** Its running configuration, or its definition if it does not run. */
  readonly domain: Domain;
  readonly guest: GuestReport | undefined;
  /** Taints and deprecations of the running domain (L11). */
  readonly messages: readonly string[];
}

/** The details of a domain, by name, UUID or id. @throws RefusedError `E_REFUSED_NO_DOMAIN` */
export async function domainDetails(host: Host, ref: string): Promise<DomainDetails> {
  const known = await host.findKnown(ref);
  const domain = await currentDefinition(host, known);
  return {
    known,
    domain,
    messages: known.info === undefined ? [] : domainMessages(domain),
    guest: known.info === undefined ? undefined : await host.toolstack.guestReport(known.info.domid),
  };
}

/** A domain's running configuration, or its definition if it does not run. */
export async function currentDefinition(host: Host, { info, stored, name }: KnownDomain): Promise<Domain> {
  if (info !== undefined) return (await host.toolstack.describe(info.domid)).domain;
  if (stored !== undefined) return stored.domain;
  throw noSuchDomain(name, []);
}

/** Options of `dumpXml`. */
export interface DumpOptions {
  /** The definition for the next start, not the running configuration. */
  readonly inactive: boolean;
  /** The XML that a migration would send. Without passwords, unless `securityInfo` is set. */
  readonly migratable: boolean;
  /** With the passwords of its displays. */
  readonly securityInfo: boolean;
}

/**
 * The definition as domain XML. With `inactive`, the running configuration of a transient domain, as in libvirt.
 * @throws RefusedError `E_REFUSED_NO_DOMAIN`
 */
export async function dumpXml(host: Host, ref: string, options: Partial<DumpOptions> = {}): Promise<string> {
  const known = await host.findKnown(ref);
  const stored = options.inactive === true ? known.stored?.domain : undefined;
  const domain = stored ?? (await currentDefinition(host, known));
  return formatDomainXml(options.securityInfo === true ? domain : withoutPasswords(domain));
}
