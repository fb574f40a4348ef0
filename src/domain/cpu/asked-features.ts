import { UsageError } from '../../errors/errors.js';
import { featureName } from './cpu-features.js';
import { CPU_MODELS, cpuModel } from './cpu-models.js';
import { isFeature } from './cpuid-names.js';
import type { DescribedCpu } from './described-cpu.js';

/** What a described CPU asks of the one that it is to run on. */
export interface AskedFeatures {
  /** That must be there. */
  readonly required: ReadonlySet<string>;
  /** That must not be there. */
  readonly forbidden: ReadonlySet<string>;
  /** That may be there or not: they are named, and shown or hidden as they are told. */
  readonly indifferent: ReadonlySet<string>;
}

/** Whether the CPU is whatever its host has, and so names no model of its own. */
export function isHostsOwn({ mode }: DescribedCpu): boolean {
  return mode !== undefined && mode !== 'custom';
}

/**
 * What a CPU asks: the features of its model, and what its `<feature>`s change about them. One that is its host's own asks for what
 * these say, and for nothing else. @throws UsageError `E_USAGE_CPU_MODEL`
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

/** What the CPU has for sure: what it asks for, and what it is said to have in any case. @throws as `askedFeatures` */
export function certainFeatures(cpu: DescribedCpu): Set<string> {
  const forced = cpu.features.filter(({ policy }) => policy === 'force').map(({ name }) => featureName(name));
  return new Set([...askedFeatures(cpu).required, ...forced]);
}

/**
 * A word that nobody has for a feature asks for something that cannot be looked up. In a baseline it may stand: it is only compared with
 * itself. @throws UsageError `E_USAGE_CPU_FEATURE`
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
