import { CpuSet } from '../../domain/cpu-set.js';
import { RefusedError, UsageError } from '../../errors/errors.js';
import type { VcpuInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { refuseTransient } from '../definition/persistent.js';
import { editDefinition, impactOn, storedDefinition } from '../definition/edit-definition.js';
import type { ImpactFlags } from '../definition/impact.js';
import { needAbility } from '../running/need-ability.js';
import { withDomain } from '../running/with-domain.js';

/** Options of `setVcpus`. */
export interface VcpusRequest {
  readonly count: number;
  /** Change the maximum, not the present number. */
  readonly maximum: boolean;
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

function overMaximum(name: string, count: number, max: number): RefusedError {
  return new RefusedError(
    'E_REFUSED_OVER_MAXIMUM',
    `${count} processors exceed the maximum of domain ${name}: ${max}`,
    {
      hint: 'Use fewer, or raise the maximum with `xenferry setvcpus --maximum --config` for its next start.',
      data: { max },
    },
  );
}

/**
 * Changes the number of a domain's online processors, counted from the first. @throws UsageError `E_USAGE_VCPUS`;
 * RefusedError `E_REFUSED_OVER_MAXIMUM`, `E_REFUSED_LIVE`, and as `impactOf`
 */
export async function setVcpus(host: Host, ref: string, request: VcpusRequest): Promise<{ readonly name: string }> {
  const { count, maximum, flags, signal } = request;
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError('E_USAGE_VCPUS', `${count} is not a number of processors over 0`, { hint: 'Use 1 or more.' });
  }
  return withDomain(host, { ref, why: 'changing its processors', signal }, async (known, held) => {
    const impact = impactOn(known, flags);
    if (maximum) {
      if (impact.live) {
        throw new RefusedError(
          'E_REFUSED_LIVE',
          `how many processors ${known.name} can have cannot change while it runs`,
          {
            hint: 'Use --config, for its next start.',
          },
        );
      }
      editDefinition(host, known, (definition) => ({
        ...definition,
        vcpusMax: count,
        vcpusCurrent: Math.min(definition.vcpusCurrent, count),
      }));
      return known;
    }
    // Both are checked before either is changed.
    if (impact.live && known.info !== undefined) {
      await needAbility(host, 'vcpu-hotplug', held.signal);
      const { domain } = await host.toolstack.describe(known.info.domid, held.signal);
      if (count > domain.vcpusMax) throw overMaximum(known.name, count, domain.vcpusMax);
    }
    if (impact.config) {
      const { vcpusMax } = storedDefinition(known);
      if (count > vcpusMax) throw overMaximum(known.name, count, vcpusMax);
    }
    if (impact.live && known.info !== undefined) {
      const online = CpuSet.range(0, count - 1);
      await host.toolstack.setVcpus(known.info.domid, online, held.signal);
    }
    if (impact.config) editDefinition(host, known, (definition) => ({ ...definition, vcpusCurrent: count }));
    return known;
  });
}

/** One of a domain's processor counts. */
export interface VcpuCount {
  readonly which: 'maximum' | 'current';
  readonly of: 'config' | 'live';
  readonly count: number;
}

/** A domain's maximum and present number of processors, by its definition and while it runs, if it has either (S43). */
export async function countVcpus(host: Host, ref: string): Promise<VcpuCount[]> {
  const { info, stored } = await host.findKnown(ref);
  const live = info === undefined ? undefined : (await host.toolstack.describe(info.domid)).domain.vcpusMax;
  const counts: (VcpuCount | undefined)[] = [
    stored && { which: 'maximum', of: 'config', count: stored.domain.vcpusMax },
    live === undefined ? undefined : { which: 'maximum', of: 'live', count: live },
    stored && { which: 'current', of: 'config', count: stored.domain.vcpusCurrent },
    info && { which: 'current', of: 'live', count: info.vcpus },
  ];
  return counts.filter((one) => one !== undefined);
}

/** One of the counts. @throws as `impactOf` */
export async function countOneVcpus(
  host: Host,
  ref: string,
  which: VcpuCount['which'],
  flags: ImpactFlags,
): Promise<number> {
  const known = await host.findKnown(ref);
  const impact = impactOn(known, flags);
  if (impact.live && impact.config) {
    throw new UsageError('E_USAGE_IMPACT', '--live and --config exclude each other here', { hint: 'Use one of them.' });
  }
  const of = impact.live ? 'live' : 'config';
  const counts = await countVcpus(host, known.uuid);
  return counts.find((one) => one.which === which && one.of === of)?.count ?? 0;
}

/** The processors of a running domain. @throws RefusedError `E_REFUSED_NOT_RUNNING` */
export async function vcpuInfos(
  host: Host,
  ref: string,
): Promise<{ readonly vcpus: VcpuInfo[]; readonly cpus: number }> {
  const { domid } = await host.find(ref);
  await needAbility(host, 'vcpu-info');
  return { vcpus: await host.toolstack.vcpus(domid), cpus: (await host.toolstack.host()).cpus };
}

/** Placement of one of a domain's processors. */
export interface Affinity {
  readonly vcpu: number;
  /** Undefined: every processor of the host. */
  readonly cpus: CpuSet | undefined;
}

/** The host processors that each of a domain's processors may run on. @throws as `impactOf` */
export async function vcpuPins(host: Host, ref: string, flags: ImpactFlags): Promise<Affinity[]> {
  const known = await host.findKnown(ref);
  const impact = impactOn(known, flags);
  if (impact.live && known.info !== undefined) {
    await needAbility(host, 'vcpu-info');
    const vcpus = await host.toolstack.vcpus(known.info.domid);
    return vcpus.map(({ number, affinity }) => ({ vcpu: number, cpus: affinity }));
  }
  refuseTransient(known, 'asked for its pins');
  const { vcpusMax, vcpuCpuset, pins } = storedDefinition(known);
  return Array.from({ length: vcpusMax }, (_, vcpu) => ({
    vcpu,
    cpus: pins.find((pin) => pin.vcpu === vcpu)?.cpus ?? vcpuCpuset,
  }));
}

/** Options of `pinVcpu`. */
export interface PinRequest {
  readonly vcpu: number;
  /** Undefined: every processor of the host. */
  readonly cpus: CpuSet | undefined;
  readonly flags: ImpactFlags;
  readonly signal: AbortSignal;
}

/** Restricts a processor of a domain to a set of the host's. @throws UsageError `E_USAGE_VCPUS`; as `impactOf` */
export async function pinVcpu(host: Host, ref: string, request: PinRequest): Promise<{ readonly name: string }> {
  const { vcpu, cpus, flags, signal } = request;
  return withDomain(host, { ref, why: 'pinning its processors', signal }, async (known, held) => {
    const impact = impactOn(known, flags);
    if (impact.live) await needAbility(host, 'vcpu-pinning', held.signal);
    const there = (await host.toolstack.host(held.signal)).cpus;
    if (cpus?.last !== undefined && cpus.last >= there) {
      throw new UsageError('E_USAGE_VCPUS', `processor ${cpus.last} is not among the host's: 0 to ${there - 1}`, {
        hint: '`xenferry vcpuinfo` lists them.',
      });
    }
    const max = impact.config
      ? storedDefinition(known).vcpusMax
      : (await countVcpus(host, known.uuid)).find((one) => one.which === 'maximum' && one.of === 'live')?.count;
    if (max === undefined || vcpu >= max) {
      throw new UsageError('E_USAGE_VCPUS', `domain ${known.name} has no processor ${vcpu}`, {
        hint: '`xenferry vcpucount` shows their number; the first is 0.',
      });
    }
    if (impact.live && known.info !== undefined) {
      await host.toolstack.pinVcpu(known.info.domid, vcpu, cpus ?? CpuSet.range(0, there - 1), held.signal);
    }
    if (impact.config) {
      editDefinition(host, known, (definition) => {
        const others = definition.pins.filter((pin) => pin.vcpu !== vcpu);
        const pins = cpus === undefined ? others : [...others, { vcpu, cpus }];
        return { ...definition, pins: pins.sort((a, b) => a.vcpu - b.vcpu) };
      });
    }
    return known;
  });
}
