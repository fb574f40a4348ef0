import { abiDifferences } from '../domain/definition/abi.js';
import { applyDefaults } from '../domain/definition/defaults.js';
import {
  guestFeaturesOf,
  seenFeatures,
  withGuestFeatures,
  withoutGuestFeatures,
} from '../domain/cpu/guest-features.js';
import { defineDomain } from '../domain/definition/define.js';
import { readDefinition } from '../domain/definition/read.js';
import { formatDomainXml } from '../domain/format.js';
import type { Domain } from '../domain/model.js';
import { RefusedError, UsageError } from '../errors/errors.js';
import type { GuestConfig, HostInfo } from '../toolstack/toolstack.js';
import { defineContext } from '../operations/definition/define-context.js';

/**
 * The user's own XML for the destination (`--xml`), instead of the running configuration. The toolstack's own form of
 * the configuration is not sent: it would differ.
 * @throws UsageError `E_USAGE_DOMAIN_*`; RefusedError `E_REFUSED_ABI` if the running guest would observe a difference
 */
export function configFromXml(
  live: GuestConfig,
  xml: string,
): { readonly config: GuestConfig; readonly warnings: readonly string[] } {
  const { domain, definition, warnings } = defineDomain(xml, { ...defineContext, carryUnknown: true });
  sameGuest(live.domain, domain, '--xml');
  const running = applyDefaults(readDefinition(live.domain, { lenient: true }).definition, defineContext);
  const differences = abiDifferences(running, definition);
  if (differences.length > 0) {
    throw new RefusedError(
      'E_REFUSED_ABI',
      `the XML for the destination differs from the running domain ${domain.name}: ${differences.join('; ')}`,
      {
        hint: 'Change only the sources of disks, networks, consoles and displays; `dumpxml --migratable --security-info` shows the running configuration.',
        data: { differences },
      },
    );
  }
  return { config: { domain }, warnings: warnings.map((warning) => `--xml: ${warning}`) };
}

/**
 * The definition that the destination is to store: the user's own (`--persistent-xml`), else the one stored here,
 * else the running configuration. @throws UsageError `E_USAGE_DOMAIN_*`
 */
export function definitionToKeep(
  live: Domain,
  stored: Domain | undefined,
  xml: string | undefined,
): { readonly xml: string; readonly warnings: readonly string[] } {
  if (xml === undefined) return { xml: formatDomainXml(stored ?? withoutGuestFeatures(live)), warnings: [] };
  const { domain, warnings } = defineDomain(xml, { ...defineContext, carryUnknown: true });
  sameGuest(live, domain, '--persistent-xml');
  return { xml: formatDomainXml(domain), warnings: warnings.map((warning) => `--persistent-xml: ${warning}`) };
}

function sameGuest(live: Domain, given: Domain, option: string): void {
  const wrong =
    given.uuid !== live.uuid ? `UUID ${given.uuid}` : given.name !== live.name ? `name ${given.name}` : undefined;
  if (wrong === undefined) return;
  throw new UsageError('E_USAGE_OTHER_DOMAIN', `${option} describes another domain: ${wrong}`, {
    hint: `It must have the name ${live.name} and the UUID ${live.uuid}; --dname gives it another name at the destination.`,
  });
}

/** What is sent of a running guest: with what it sees of its processor, where that is known (see `guest-features.ts`). */
export function withSeenFeatures(sent: Domain, live: Domain, { processors }: HostInfo): Domain {
  const words = processors?.cpuidWords ?? [];
  const seen = guestFeaturesOf(live) ?? seenFeatures(words, live);
  return seen.length === 0 ? sent : withGuestFeatures(sent, seen);
}
