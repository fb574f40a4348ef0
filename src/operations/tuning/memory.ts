import { RefusedError } from '../../errors/errors.js';
import type { Host } from '../../host/host.js';
import { editDefinition, impactOn, storedDefinition } from '../definition/edit-definition.js';
import type { ImpactFlags } from '../definition/impact.js';
import { needAbility } from '../running/need-ability.js';
import { withDomain } from '../running/with-domain.js';

/** Options of the memory verbs. */
export interface MemoryRequest {
  readonly kib: number;
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

function overMaximum(name: string, kib: number, maxKiB: number): RefusedError {
  return new RefusedError(
    'E_REFUSED_OVER_MAXIMUM',
    `${kib} KiB are more than the maximum of domain ${name}: ${maxKiB} KiB`,
    {
      hint: 'Use less, or raise the maximum with `xenferry setmaxmem --config` for its next start.',
      data: { maxKiB },
    },
  );
}

/**
 * Changes a domain's memory, up to its maximum; the running guest's balloon driver adjusts gradually.
 * @throws RefusedError `E_REFUSED_OVER_MAXIMUM`, and as `impactOf`
 */
export async function setMemory(host: Host, ref: string, request: MemoryRequest): Promise<{ readonly name: string }> {
  const { kib, flags, signal } = request;
  return withDomain(host, { ref, why: 'changing its memory', signal }, async (known, held) => {
    const impact = impactOn(known, flags);
    // Both are checked before either is changed.
    if (impact.live && known.info !== undefined) {
      await needAbility(host, 'balloon', held.signal);
      const { domain } = await host.toolstack.describe(known.info.domid, held.signal);
      if (kib > domain.memoryMaxKiB) throw overMaximum(known.name, kib, domain.memoryMaxKiB);
    }
    if (impact.config) {
      const { memoryMaxKiB } = storedDefinition(known);
      if (kib > memoryMaxKiB) throw overMaximum(known.name, kib, memoryMaxKiB);
    }
    if (impact.live && known.info !== undefined) await host.toolstack.setMemory(known.info.domid, kib, held.signal);
    if (impact.config) editDefinition(host, known, (definition) => ({ ...definition, memoryCurrentKiB: kib }));
    return known;
  });
}

/**
 * Changes a domain's maximum memory, from its next start on: Xen fixes it when a domain is made.
 * @throws RefusedError `E_REFUSED_LIVE`, and as `impactOf`
 */
export async function setMaxMemory(
  host: Host,
  ref: string,
  request: MemoryRequest,
): Promise<{ readonly name: string }> {
  const { kib, flags, signal } = request;
  return withDomain(host, { ref, why: 'changing its maximum memory', signal }, (known) => {
    const impact = impactOn(known, flags);
    if (impact.live) {
      throw new RefusedError('E_REFUSED_LIVE', `the maximum memory of ${known.name} cannot change while it runs`, {
        hint: 'Use --config, for its next start.',
      });
    }
    editDefinition(host, known, (definition) => ({
      ...definition,
      memoryMaxKiB: kib,
      memoryCurrentKiB: Math.min(definition.memoryCurrentKiB, kib),
    }));
    return Promise.resolve(known);
  });
}
