import { UsageError } from '../../errors/errors.js';
import { featureName } from './cpu-features.js';
import { CPU_MODELS, cpuModel } from './cpu-models.js';
import { isFeature } from './cpuid-names.js';
import type { DescribedCpu } from './described-cpu.js';

/** Requirements of a described CPU on the host's CPU. */
export interface AskedFeatures {
  /** Features that must be present. */
  readonly required: ReadonlySet<string>;
  /** Features that must be absent. */
  readonly forbidden: ReadonlySet<string>;
  /** Features that may be present or absent; the guest sees them as the definition specifies. */
  readonly indifferent: ReadonlySet<string>;
}

/** Whether the CPU is that of its host, without a model of its own. */
export function isHostsOwn({ mode }: DescribedCpu): boolean {
  return mode !== undefined && mode !== 'custom';
}

/**
 * Requirements of a CPU: the features of its model, changed by its `<feature>` elements. A CPU that is its host's own
 * requires what these elements specify, and nothing else. @throws UsageError `E_USAGE_CPU_MODEL`
 */
export function askedFeatures(cpu: DescribedCpu): AskedFeatures {
  const required = new Set(isHostsOwn(cpu) ? [] : featuresOfModel(cpu.model));
  const forbidden = new Set<string>();
  const indifferent = new Set<string>();
  for (const { name, policy } of cpu.features) {
    const feature = featureName(name);
    for (const set of [required, forbidden, indifferent]) set.delete(feature);
    switch (policy) {
      case 'require':
        required.add(feature);
        break;
      case 'forbid':
        forbidden.add(feature);
        break;
      case 'force':
      case 'optional':
      case 'disable':
        indifferent.add(feature);
        break;
    }
  }
  return { required, forbidden, indifferent };
}

/** Features that the CPU certainly has: required ones, and those that are forced. @throws as `askedFeatures` */
export function certainFeatures(cpu: DescribedCpu): Set<string> {
  const forced = cpu.features.filter(({ policy }) => policy === 'force').map(({ name }) => featureName(name));
  return new Set([...askedFeatures(cpu).required, ...forced]);
}

/**
 * Checks the names of required features: an unknown name cannot be checked on a host. In a baseline it is allowed: it
 * is only compared with itself. @throws UsageError `E_USAGE_CPU_FEATURE`
 */
export function checkFeatureNames({ features }: DescribedCpu): void {
  const isKnown = (name: string): boolean => isFeature(name) || CPU_MODELS.some((model) => model.features.has(name));
  const unknown = features.find(({ name }) => !isKnown(featureName(name)));
  if (unknown === undefined) return;
  throw new UsageError('E_USAGE_CPU_FEATURE', `unknown CPU feature ${unknown.name}`, {
    hint: "Features have libvirt's names, such as ssse3 or avx512f: see `xenferry capabilities`.",
    data: { feature: unknown.name },
  });
}

function featuresOfModel(name: string | undefined): Iterable<string> {
  if (name === undefined) return [];
  const model = cpuModel(name);
  if (model !== undefined) return model.features;
  throw new UsageError('E_USAGE_CPU_MODEL', `unknown CPU model ${name}`, {
    hint: `Known are ${CPU_MODELS.map((one) => one.name).join(', ')}.`,
    data: { model: name },
  });
}
