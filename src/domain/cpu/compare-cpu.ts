import { askedFeatures, checkFeatureNames, isHostsOwn } from './asked-features.js';
import { vendorsBy } from './closest-model.js';
import { featuresIn, tellsOf } from './cpu-features.js';
import { cpuModel, TSX_FEATURES, withoutTsx } from './cpu-models.js';
import type { DescribedCpu } from './described-cpu.js';

/** A processor, as its hypervisor reports it. */
export interface ReportedCpu {
  readonly arch: string;
  /** Words of CPUID, as Xen numbers them. Words after the last one are unknown. */
  readonly words: readonly number[];
}

/** Result of a comparison. */
export interface Comparison {
  /** The host's processor equals the description, has more features, or does not fit. */
  readonly result: 'identical' | 'superset' | 'incompatible';
  /** Required features that are absent. */
  readonly missing: readonly string[];
  /** Forbidden features that are present. */
  readonly unwanted: readonly string[];
  /** Features that the hypervisor does not report. They are not compared. */
  readonly unknown: readonly string[];
  /** The reasons for `incompatible`, each as a phrase; at least one in that case. */
  readonly reasons: readonly string[];
  /** Name of the model to take instead, if only transactional memory is missing. */
  readonly instead: string | undefined;
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

/**
 * Whether a guest with this CPU, or one from a host with it, can run on that processor (S30, S32). `host-passthrough`,
 * `host-model` and `maximum` are the host's own CPU, so that only features listed in addition can be missing. The
 * vendor is compared if the processor's features indicate it. @throws UsageError `E_USAGE_CPU_MODEL`,
 * `E_USAGE_CPU_FEATURE`
 */
export function compareCpu(host: ReportedCpu, cpu: DescribedCpu): Comparison {
  checkFeatureNames(cpu);
  const has = featuresIn(host.words);
  const { required, forbidden, indifferent } = askedFeatures(cpu);
  const isKnown = (name: string): boolean => tellsOf(host.words, name);
  const missing = sorted(required).filter((name) => isKnown(name) && !has.has(name));
  const more = isHostsOwn(cpu) ? [] : sorted(has).filter((name) => !required.has(name) && !indifferent.has(name));
  const unwanted = sorted(has).filter((name) => forbidden.has(name) || (cpu.match === 'strict' && more.includes(name)));
  const reasons = [
    ...archReason(host.arch, cpu.arch),
    ...vendorReason(has, cpu.vendor),
    ...(missing.length === 0 ? [] : [`missing features: ${missing.join(', ')}`]),
    ...(unwanted.length === 0 ? [] : [`features that it must not have: ${unwanted.join(', ')}`]),
  ];
  return {
    result: reasons.length > 0 ? 'incompatible' : more.length > 0 ? 'superset' : 'identical',
    missing,
    unwanted,
    unknown: sorted([...required, ...forbidden]).filter((name) => !isKnown(name)),
    reasons,
    instead: reasons.length === 1 ? modelWithout(missing, cpu) : undefined,
  };
}

/** A processor for 64 bits runs what one for 32 does. Its feature `lm` shows whether it is a 64-bit one. */
const family = (arch: string): string => (arch === 'i686' || arch === 'x86_64' ? 'x86' : arch);

function archReason(host: string, asked: string | undefined): string[] {
  if (asked === undefined || family(asked) === family(host)) return [];
  return [`its architecture is ${asked}, the host's is ${host}`];
}

function vendorReason(has: ReadonlySet<string>, asked: string | undefined): string[] {
  const vendors = vendorsBy(has);
  if (asked === undefined || vendors === undefined || vendors.includes(asked)) return [];
  return [`its vendor is ${asked}, the host's is ${vendors.join(' or ')}`];
}

/** The model with the same requirements except the missing ones. */
function modelWithout(missing: readonly string[], { model, features }: DescribedCpu): string | undefined {
  const isTsx = missing.length > 0 && missing.every((name) => TSX_FEATURES.includes(name));
  if (!isTsx || model === undefined || cpuModel(model) === undefined) return undefined;
  // Features that are required by name stay required.
  if (features.some(({ name, policy }) => policy === 'require' && missing.includes(name))) return undefined;
  return withoutTsx(model)?.name;
}
