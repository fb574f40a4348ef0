import { defineDomain } from '../../domain/definition/define.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { asStarted } from './as-started.js';
import { defineContext } from '../definition/define-context.js';
import { refuseManagedSave, startDomain } from '../running/start-domain.js';
import { underJob } from '../running/with-domain.js';

/** A created domain, and the parts of its definition that were ignored. */
export interface Created {
  readonly info: DomainInfo;
  readonly warnings: readonly string[];
}

/** Options of `createDomain`. */
export interface CreateRequest {
  readonly paused: boolean;
  /** Take its disks' leases from their present holders. */
  readonly forceLease?: boolean | undefined;
  /** Refuse what the schema does not define, instead of ignoring it with a warning (S06). */
  readonly validate: boolean;
  readonly signal: AbortSignal;
}

/**
 * Creates a domain from domain XML and unpauses it. It is transient, unless the host has a definition of that name and
 * UUID, which is not changed. On failure nothing is left.
 * @throws UsageError `E_USAGE_DOMAIN_*` with all errors in the definition; RefusedError as `startDomain`
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
