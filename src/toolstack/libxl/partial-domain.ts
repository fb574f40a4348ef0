import type { Domid } from '../domid.js';
import type { DomainInfo, Toolstack } from '../toolstack.js';

/**
 * Makes a domain in an agent that may crash, as libxl 4.17 does on a stream without its first bytes (a call through a
 * null pointer, which crashes xl as well). libxl and a living agent remove the partial domain; that of a dead agent is
 * removed here.
 * @param uuid of the new domain
 * @throws what `make` throws, once the domain is removed, or could not be
 */
export async function withoutPartialDomain(
  toolstack: Pick<Toolstack, 'list' | 'destroy'>,
  uuid: string,
  make: () => Promise<Domid>,
  signal?: AbortSignal,
): Promise<Domid> {
  signal?.throwIfAborted();
  const before = new Set((await toolstack.list(signal)).map(({ domid }) => domid));
  try {
    return await make();
  } catch (error) {
    try {
      for (const info of await toolstack.list()) {
        if (!before.has(info.domid) && isPartial(info, uuid)) await toolstack.destroy(info.domid);
      }
    } catch {
      // What broke the making is the story; its hint says to look at the domain.
    }
    throw error;
  }
}

/** A partial domain has never run: a domain that ever ran is a guest. */
function isPartial({ uuid, state, cpuTimeNs }: DomainInfo, wanted: string): boolean {
  return uuid === wanted && state === 'paused' && cpuTimeNs === 0n;
}
