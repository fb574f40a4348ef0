import { defineDomain } from '../../domain/definition/define.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { asStarted } from './as-started.js';
import { defineContext } from '../definition/define-context.js';
import { refuseManagedSave, startDomain } from '../running/start-domain.js';
import { underJob } from '../running/with-domain.js';

/** A domain that was made, and what its definition says in vain. */
export interface Created {
  readonly info: DomainInfo;
  readonly warnings: readonly string[];
}

export interface CreateRequest {
  readonly paused: boolean;
  /** Take its disks' leases from whoever has them. */
  readonly forceLease?: boolean | undefined;
  /** Refuse what the schema does not know, instead of passing it over with a warning (S06). */
  readonly validate: boolean;
  readonly signal: AbortSignal;
}

/**
 * Makes a domain from domain XML and lets it run. It is transient, unless the host has a definition of that name and UUID: that stays as
 * it is. On failure nothing is left.
 * @throws UsageError `E_USAGE_DOMAIN_*` with all that is wrong with the definition; RefusedError as `startDomain`
 */
export async function createDomain(host: Host, xml: string, request: CreateRequest): Promise<Created> {
  const { domain, warnings } = defineDomain(xml, { ...defineContext, carryUnknown: !request.validate });
  const info = await underJob(host, domain, { why: 'creating it', signal: request.signal }, async ({ signal }) => {
    refuseManagedSave(host, domain.uuid, domain.name);
    const config = { domain: await asStarted(host, domain, signal) };
    return await startDomain(host, {
      config,
      how: 'booted',
      paused: request.paused,
      forceLease: request.forceLease,
      make: () => host.toolstack.create(config, signal),
      signal,
    });
  });
  return { info, warnings };
}
