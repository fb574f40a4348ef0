import { featureAt, settableBit } from '../cpu/cpuid-names.js';
import { featureName } from '../cpu/cpu-features.js';
import type { CpuFeature } from '../definition/cpu.js';
import { notMapped } from '../native/not-mapped.js';
import type { Json, JsonObject } from './json.js';
import type { ReadConfig } from './schema.js';

/*
 * libxl_cpuid_policy_list (libxl_cpuid.c): for each leaf the registers with settings, as texts of 32 characters, bit 31
 * first. `1` and `0` set a bit, `x` leaves Xen's default, `k` is the host's, `s` is the host's, and is kept in a
 * migration.
 */

const BITS = 32;
const NOTHING = 'x'.repeat(BITS);
const REGISTERS = ['eax', 'ebx', 'ecx', 'edx'] as const;

interface Leaf {
  readonly leaf: number;
  readonly subleaf: number | undefined;
  readonly registers: Map<(typeof REGISTERS)[number], string>;
}

const VALUE_OF: Readonly<Record<CpuFeature['policy'], '0' | '1' | undefined>> = {
  force: '1',
  require: '1',
  optional: undefined,
  disable: '0',
  forbid: '0',
};

/** libxl treats the virtualization extension not as a bit but as a separate field (L03). */
export function isVirtualization({ name }: CpuFeature): boolean {
  return name === 'vmx' || name === 'svm';
}

/**
 * `cpuid` of a definition's features; undefined if there are none (L04).
 * @throws RefusedError `E_REFUSED_NOT_MAPPED` for a feature that libxl has no name for
 */
export function cpuidToJson(features: readonly CpuFeature[]): Json[] | undefined {
  const leaves = new Map<string, Leaf>();
  for (const feature of features) {
    const value = VALUE_OF[feature.policy];
    if (value === undefined || isVirtualization(feature)) continue;
    const place = settableBit(featureName(feature.name));
    if (place === undefined) throw unknownFeature(feature.name);
    const { leaf, subleaf, register, bit } = place;
    const key = `${leaf},${String(subleaf)}`;
    const found = leaves.get(key) ?? { leaf, subleaf, registers: new Map<(typeof REGISTERS)[number], string>() };
    leaves.set(key, found);
    const before = found.registers.get(register) ?? NOTHING;
    const at = BITS - 1 - bit;
    found.registers.set(register, before.slice(0, at) + value + before.slice(at + 1));
  }
  if (leaves.size === 0) return undefined;
  return [...leaves.values()].map(({ leaf, subleaf, registers }): JsonObject => ({
    leaf,
    ...(subleaf === undefined ? {} : { subleaf }),
    ...Object.fromEntries(registers),
  }));
}

/** The error for a feature without a libxl name. */
export function unknownFeature(name: string): Error {
  return notMapped(`CPU feature '${name}'`, 'Take it out: libxl has no name for it.');
}

/** Features in a `cpuid` setting. */
export interface CpuidFeatures {
  readonly features: readonly CpuFeature[];
  /** Paths of settings that are not named features. */
  readonly unknown: readonly string[];
}

const POLICY_OF: Readonly<Record<string, CpuFeature['policy'] | undefined>> = {
  '0': 'disable',
  '1': 'force',
  k: 'optional',
  s: 'optional',
};

/** The features that a running guest's or a file's `cpuid` sets. */
export function cpuidFromJson(cpuid: ReadConfig['b_info']['cpuid']): CpuidFeatures {
  const features: CpuFeature[] = [];
  const unknown: string[] = [];
  const leaves = Array.isArray(cpuid) ? cpuid : cpuid.cpuid;
  for (const [index, one] of leaves.entries()) {
    for (const register of REGISTERS) {
      const text = one[register];
      if (text === undefined) continue;
      for (let bit = 0; bit < BITS; bit += 1) {
        const value = text.charAt(BITS - 1 - bit);
        if (value === 'x') continue;
        const policy = Object.hasOwn(POLICY_OF, value) ? POLICY_OF[value] : undefined;
        const name = featureAt({ leaf: one.leaf, subleaf: one.subleaf, register, bit });
        if (name === undefined || policy === undefined) unknown.push(`cpuid.${index}.${register}: bit ${bit}`);
        else features.push({ name, policy });
      }
    }
  }
  if (!Array.isArray(cpuid) && cpuid.msr.length > 0) unknown.push('cpuid.msr');
  return { features, unknown };
}
