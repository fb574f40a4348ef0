import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../host.js';
import { endDomain } from './stop-domain.js';
import { withRunning } from './with-domain.js';

/** Ends a domain at once, as pulling its plug would. */
export async function destroyDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withRunning(host, { ref, why: 'destroying it', signal }, async (info) => {
    await endDomain(host, info, 'destroyed', signal);
    return info;
  });
}
