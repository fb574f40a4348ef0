import type { Domain } from '../../domain/model.js';
import { domainMessages } from '../../domain/definition/messages.js';
import { formatDomainXml } from '../../domain/format.js';
import { withoutPasswords } from '../../domain/passwords.js';
import type { GuestReport } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { noSuchDomain, type KnownDomain } from '../../host/registry/known-domain.js';

export interface DomainDetails {
  readonly known: KnownDomain;
  /** What it runs as; its definition where it does not run. */
  readonly domain: Domain;
  readonly guest: GuestReport | undefined;
  /** Taints and deprecations of what runs (L11). */
  readonly messages: readonly string[];
}

/** @throws RefusedError `E_REFUSED_NO_DOMAIN` */
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

/** What it runs as; its definition where it does not run. */
export async function currentDefinition(host: Host, { info, stored, name }: KnownDomain): Promise<Domain> {
  if (info !== undefined) return (await host.toolstack.describe(info.domid)).domain;
  if (stored !== undefined) return stored.domain;
  throw noSuchDomain(name, []);
}

export interface DumpOptions {
  /** The definition that the next start uses, not what runs. */
  readonly inactive: boolean;
  /** What another host would be sent. It goes without passwords like any other. */
  readonly migratable: boolean;
  /** With the passwords of its screens. */
  readonly securityInfo: boolean;
}

/**
 * The definition as domain XML. With `inactive`, that of a transient domain is what it runs as, as libvirt has it.
 * @throws RefusedError `E_REFUSED_NO_DOMAIN`
 */
export async function dumpXml(host: Host, ref: string, options: Partial<DumpOptions> = {}): Promise<string> {
  const known = await host.findKnown(ref);
  const stored = options.inactive === true ? known.stored?.domain : undefined;
  const domain = stored ?? (await currentDefinition(host, known));
  return formatDomainXml(options.securityInfo === true ? domain : withoutPasswords(domain));
}
