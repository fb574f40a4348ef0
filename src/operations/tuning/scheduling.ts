import { Deadline } from '../../errors/deadline.js';
import { RefusedError, UsageError } from '../../errors/errors.js';
import { MAX_WEIGHT, maxCap, MIN_WEIGHT } from '../../toolstack/scheduling.js';
import type { SchedulingChange } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import { editDefinition, impactOn, storedDefinition } from '../definition/edit-definition.js';
import type { Impact, ImpactFlags } from '../definition/impact.js';
import { needAbility } from '../running/need-ability.js';
import { withDomain } from '../running/with-domain.js';

/** A domain's scheduling, now or after its next start. The host decides undefined values when the domain starts. */
export interface ShownScheduling {
  readonly scheduler: string | undefined;
  readonly weight: number | undefined;
  /** In percent of one processor; 0: unlimited. */
  readonly cap: number | undefined;
}

/** Options of `setScheduling`. */
export interface SchedulingRequest extends SchedulingChange {
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

/**
 * Scheduler, weight and cap of a running domain; of a definition the weight, the only value that it can express (S35,
 * L02).
 * @throws RefusedError `E_REFUSED_UNSUPPORTED` for a scheduler without them; UsageError `E_USAGE_IMPACT`; as `impactOf`
 */
export async function shownScheduling(
  host: Host,
  ref: string,
  flags: ImpactFlags,
  signal: AbortSignal,
): Promise<ShownScheduling> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'a look at the domain');
  const known = await host.findKnown(ref, looking.signal);
  const impact = impactOn(known, flags);
  if (impact.live && impact.config) {
    throw new UsageError('E_USAGE_IMPACT', '--live and --config exclude each other here', { hint: 'Use one of them.' });
  }
  return await lookAt(host, known, impact, looking.signal);
}

/**
 * Changes weight, cap or both; a value that is not given stays.
 * @returns the values afterwards: of the running domain, if that was changed
 * @throws UsageError `E_USAGE_SCHEDULING`; RefusedError `E_REFUSED_OVER_MAXIMUM`, and as `shownScheduling`
 */
export async function setScheduling(
  host: Host,
  ref: string,
  { weight, cap, flags, signal }: SchedulingRequest,
): Promise<ShownScheduling> {
  if (weight !== undefined && (!Number.isInteger(weight) || weight < MIN_WEIGHT || weight > MAX_WEIGHT)) {
    throw new UsageError('E_USAGE_SCHEDULING', `invalid weight ${weight}: ${MIN_WEIGHT} to ${MAX_WEIGHT}`, {
      hint: 'The default is 256; a domain with twice the weight of another gets twice the time.',
    });
  }
  if (cap !== undefined && (!Number.isInteger(cap) || cap < 0)) {
    throw new UsageError('E_USAGE_SCHEDULING', `invalid cap ${cap}: 0 or more`, {
      hint: 'The cap is in percent of one processor: 50 is half of one, 200 two of them, 0 no limit.',
    });
  }
  return withDomain(host, { ref, why: 'changing how it is scheduled', signal }, async (known, held) => {
    const impact = impactOn(known, flags);
    const { name, info } = known;
    // Everything is checked before anything is changed.
    if (impact.config) {
      storedDefinition(known);
      if (cap !== undefined) throw noCapToKeep(name);
    }
    if (impact.live && info !== undefined) {
      await lookAt(host, known, impact, held.signal);
      if (cap !== undefined) {
        const { domain } = await host.toolstack.describe(info.domid, held.signal);
        if (cap > maxCap(domain.vcpusMax)) throw overAll(name, cap, domain.vcpusMax);
      }
      await host.toolstack.setScheduling(info.domid, { weight, cap }, held.signal);
    }
    if (impact.config && weight !== undefined) {
      editDefinition(host, known, (definition) => ({ ...definition, cpuShares: weight }));
    }
    return lookAt(host, await host.findKnown(known.uuid, held.signal), impact, held.signal);
  });
}

/** The running domain's values, if those are asked for. */
async function lookAt(host: Host, known: KnownDomain, { live }: Impact, signal: AbortSignal): Promise<ShownScheduling> {
  if (live && known.info !== undefined) {
    await needAbility(host, 'scheduling', signal);
    return host.toolstack.scheduling(known.info.domid, signal);
  }
  return { scheduler: undefined, weight: storedDefinition(known).cpuShares, cap: undefined };
}

function noCapToKeep(name: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_UNSUPPORTED',
    `a cap cannot be stored for the next start of domain ${name}: domain XML has no element for it`,
    { hint: 'Set it with --live while the domain runs; a migration preserves it. A weight can be stored.' },
  );
}

function overAll(name: string, cap: number, vcpus: number): RefusedError {
  return new RefusedError(
    'E_REFUSED_OVER_MAXIMUM',
    `a cap of ${cap} exceeds ${maxCap(vcpus)}, the sum of the ${vcpus} processors that domain ${name} can have`,
    { hint: 'The cap is in percent of one processor; 0 is no limit.', data: { max: maxCap(vcpus) } },
  );
}
