import { featureName } from '../cpu/cpu-features.js';
import { featureOfLibxl, libxlNameOf } from '../cpu/cpuid-names.js';
import { givenFeatures, NO_CPU, type CpuFeature } from '../definition/cpu.js';
import type { Definition } from '../definition/model.js';
import { isVirtualization, unknownFeature } from '../libxl-json/cpuid.js';
import type { Placed } from './settings.js';
import { badConfig } from './syntax.js';

/*
 * `cpuid` in libxl's syntax, xl.cfg(5): `host,feature=value,…`, where a value is 1, 0, x (as the host's default),
 * k (as the host's) or s (as k, kept in a migration).
 */

const POLICY_OF: Readonly<Record<string, CpuFeature['policy'] | undefined>> = {
  '0': 'disable',
  '1': 'force',
  x: 'optional',
  k: 'optional',
  s: 'optional',
};

const VALUE_OF: Readonly<Record<CpuFeature['policy'], string>> = {
  force: '1',
  require: '1',
  optional: 'x',
  disable: '0',
  forbid: '0',
};

export function parseCpuid({ text, at }: Placed): CpuFeature[] {
  const [base, ...features] = text.split(',').map((part) => part.trim());
  if (base !== 'host') throw badConfig(at, 'cpuid: only the syntax "host,feature=value" is carried over');
  return features
    .filter((part) => part !== '')
    .map((part) => {
      const [name, value = ''] = part.split('=', 2);
      const policy = Object.hasOwn(POLICY_OF, value) ? POLICY_OF[value] : undefined;
      if (!/^[a-z][a-z0-9_.-]*$/i.test(name) || policy === undefined) {
        throw badConfig(at, `cpuid: ${JSON.stringify(part)} is not a feature with 0, 1, x, k or s`);
      }
      const feature = featureOfLibxl(name);
      if (feature === undefined) {
        throw badConfig(at, `cpuid: ${JSON.stringify(name)} is no feature of one bit that libxl has by this name`);
      }
      return { name: feature, policy };
    });
}

export function withCpuid(definition: Definition, features: readonly CpuFeature[]): Definition {
  if (features.length === 0) return definition;
  const { cpu } = definition;
  const all = [...features, ...(cpu?.features ?? [])];
  return { ...definition, cpu: { ...NO_CPU, ...cpu, mode: 'host-passthrough', features: all } };
}

/** `cpuid` of a definition, and the definition without what it says; vmx and svm are `nestedhvm`. */
export function splitCpuid(definition: Definition): { readonly cpuid: string | undefined; readonly rest: Definition } {
  const { cpu } = definition;
  if (cpu === undefined) return { cpuid: undefined, rest: definition };
  const others = givenFeatures(cpu).filter((feature) => !isVirtualization(feature));
  if (others.length === 0) return { cpuid: undefined, rest: definition };
  const words = others.map(({ name, policy }) => {
    const own = libxlNameOf(featureName(name));
    if (own === undefined) throw unknownFeature(name);
    return `${own}=${VALUE_OF[policy]}`;
  });
  return {
    cpuid: ['host', ...words].join(','),
    rest: { ...definition, cpu: { ...cpu, features: cpu.features.filter(isVirtualization) } },
  };
}
