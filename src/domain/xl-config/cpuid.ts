import { featureName } from '../cpu/cpu-features.js';
import { featureOfLibxl, libxlNameOf } from '../cpu/cpuid-names.js';
import { givenFeatures, NO_CPU, type CpuFeature } from '../definition/cpu.js';
import type { Definition } from '../definition/model.js';
import { isVirtualization, unknownFeature } from '../libxl-json/cpuid.js';
import type { Json, JsonObject } from '../libxl-json/json.js';
import type { Placed, Settings } from './settings.js';
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

/** What one `feature=value` sets; undefined if a definition cannot express it, which a warning names. */
function parseFeature(part: string, { at }: Placed, warn: (text: string) => void): CpuFeature | undefined {
  const equals = part.indexOf('=');
  const [name, value] = [part.slice(0, Math.max(0, equals)), part.slice(equals + 1)];
  if (!/^[a-z][a-z0-9_.+-]*$/i.test(name) || !/^(?:[xks]|0x[0-9a-f]{1,8}|\d{1,10})$/i.test(value)) {
    throw badConfig(at, `cpuid: ${JSON.stringify(part)} is not a feature with 0, 1, x, k or s`);
  }
  const feature = featureOfLibxl(name);
  const policy = Object.hasOwn(POLICY_OF, value) ? POLICY_OF[value] : undefined;
  if (feature === undefined || policy === undefined) {
    warn(`cpuid: ${part} is not carried over: it is not a one-bit feature with a name in domain XML`);
    return undefined;
  }
  if (value === 'k' || value === 's') {
    warn(
      `cpuid: ${part} is not carried over: domain XML cannot express the host's own value; the guest gets Xen's default`,
    );
  }
  return { name: feature, policy };
}

/** Parses libxl's form. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseCpuid(spec: Placed, warn: (text: string) => void): CpuFeature[] {
  const [base, ...features] = spec.text.split(',').map((part) => part.trim());
  if (base !== 'host')
    throw badConfig(spec.at, 'cpuid: the first word must be host; the form with registers is a list');
  return features.filter((part) => part !== '').flatMap((part) => parseFeature(part, spec, warn) ?? []);
}

const LEAF = /^(0x[0-9a-f]{1,8}|\d{1,10})(?:,(0x[0-9a-f]{1,8}|\d{1,10}))?:(.*)$/i;
const REGISTER = /^e([abcd])x=([01xks]{32})$/;

/**
 * xend's form, a list with the bits of registers: `0x1:ecx=x00x…,edx=…`, as parsed by `libxl_cpuid_parse_config_xend`.
 * @throws UsageError `E_USAGE_XL_CONFIG`.
 */
export function parseCpuidLeaf({ text, at }: Placed): JsonObject {
  const match = LEAF.exec(text.trim());
  if (match === null)
    throw badConfig(at, `cpuid: ${JSON.stringify(text)} is not like 0x1:ecx=x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx`);
  const fields: Record<string, Json> = { leaf: Number(match[1]) };
  const subleaf = match.at(2);
  if (subleaf !== undefined) fields.subleaf = Number(subleaf);
  for (const part of match[3].split(',')) {
    const register = REGISTER.exec(part.trim());
    if (register === null) {
      throw badConfig(at, `cpuid: ${JSON.stringify(part)} is not a register eax to edx with 32 of 0, 1, x, k and s`);
    }
    fields[`e${register[1]}x`] = register[2];
  }
  return fields;
}

/** `cpuid` of a file: features, or registers in xend's form. */
export interface FileCpuid {
  readonly features: readonly CpuFeature[];
  readonly leaves: readonly JsonObject[] | undefined;
}

/** A string is libxl's form, a list xend's. */
export function cpuidOf(settings: Settings): FileCpuid {
  const { isList, all } = settings.textOrList('cpuid');
  if (isList) return { features: [], leaves: all.length === 0 ? undefined : all.map(parseCpuidLeaf) };
  const parsed = all.flatMap((one) =>
    parseCpuid(one, (text) => {
      settings.warn(one.at, text);
    }),
  );
  return { features: parsed, leaves: undefined };
}

/** The definition with further CPU features. */
export function withCpuid(definition: Definition, features: readonly CpuFeature[]): Definition {
  if (features.length === 0) return definition;
  const { cpu } = definition;
  const all = [...features, ...(cpu?.features ?? [])];
  return { ...definition, cpu: { ...NO_CPU, ...cpu, mode: 'host-passthrough', features: all } };
}

/** `cpuid` of a definition, and the definition without these features; vmx and svm are `nestedhvm`. */
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
