import { askedFeatures, checkFeatureNames, isHostsOwn } from './asked-features.js';
import { vendorsBy } from './closest-model.js';
import { featuresIn, tellsOf } from './cpu-features.js';
import { cpuModel, TSX_FEATURES, withoutTsx } from './cpu-models.js';
import type { DescribedCpu } from './described-cpu.js';

/** A processor, as its hypervisor reports it. */
export interface ReportedCpu {
  readonly arch: string;
  /** Words of CPUID, as Xen numbers them. What is behind the last of them is not known. */
  readonly words: readonly number[];
}

export interface Comparison {
  /** Of the host's processor: it is what is described; it has that and more; or it cannot be that. */
  readonly result: 'identical' | 'superset' | 'incompatible';
  /** Features that are asked for and not there. */
  readonly missing: readonly string[];
  /** Features that are there and must not be. */
  readonly unwanted: readonly string[];
  /** Features that nobody can compare, since the hypervisor does not report them. They decide nothing. */
  readonly unknown: readonly string[];
  /** What stands in the way, as words behind a colon; of a comparison that failed there is at least one. */
  readonly reasons: readonly string[];
  /** Name of the model to take instead, where only transactional memory is missing. */
  readonly instead: string | undefined;
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

/**
 * Whether a guest with this CPU, or one from a host with it, can run on that processor (S30, S32). `host-passthrough`, `host-model` and
 * `maximum` are whatever the host has, so that only what is named beside them can be in the way.
 * A vendor is compared where the processor's features tell its own. @throws UsageError `E_USAGE_CPU_MODEL`, `E_USAGE_CPU_FEATURE`
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

/** A processor for 64 bits runs what one for 32 does. Whether it is one for 64, its feature `lm` says. */
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

/** The model that asks for the same, but for what is missing. */
function modelWithout(missing: readonly string[], { model, features }: DescribedCpu): string | undefined {
  const isTsx = missing.length > 0 && missing.every((name) => TSX_FEATURES.includes(name));
  if (!isTsx || model === undefined || cpuModel(model) === undefined) return undefined;
  // What is asked for by name stays asked for.
  if (features.some(({ name, policy }) => policy === 'require' && missing.includes(name))) return undefined;
  return withoutTsx(model)?.name;
}
