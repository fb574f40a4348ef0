import { IN_REGISTERS, OF_VMX, REGISTERS, type Register } from './cpuid-registers.js';

/** A bit of CPUID. */
export interface CpuidBit {
  readonly leaf: number;
  readonly subleaf: number | undefined;
  readonly register: Register['register'];
  readonly bit: number;
}

interface Named extends CpuidBit {
  readonly name: string | undefined;
  /** libxl's names; the first is the one that is written. */
  readonly libxl: readonly string[];
}

function readBit({ leaf, subleaf, register }: Register, entry: string): Named {
  const [bit, names] = entry.split(':');
  const equals = names.indexOf('=');
  const name = equals < 0 ? names : names.slice(0, equals);
  const others = names.slice(equals + 1).split('|');
  const libxl = equals < 0 ? [name] : others.filter((one) => one !== '');
  return { leaf, subleaf, register, bit: Number(bit), name: name === '' ? undefined : name, libxl };
}

const ALL: readonly Named[] = REGISTERS.flatMap((one) => one.bits.split(' ').map((entry) => readBit(one, entry)));
const BY_LIBVIRT: ReadonlyMap<string, Named> = new Map(
  ALL.flatMap((one) => (one.name === undefined ? [] : [[one.name, one] as const])),
);
const BY_LIBXL: ReadonlyMap<string, Named> = new Map(
  ALL.flatMap((one) => one.libxl.map((name) => [name, one] as const)),
);
const OTHERS: ReadonlySet<string> = new Set([
  ...IN_REGISTERS.split(' '),
  ...OF_VMX.split(' ').map((name) => `vmx-${name}`),
]);

/** A feature by libvirt's name, or by a name that only libxl has. A libvirt name is never taken for a libxl name. */
function named(name: string): Named | undefined {
  const libvirts = BY_LIBVIRT.get(name);
  if (libvirts !== undefined || OTHERS.has(name)) return libvirts;
  const libxls = BY_LIBXL.get(name);
  return libxls?.name === undefined ? libxls : undefined;
}

/** Whether libvirt or libxl know a feature of this name. Aliases (`featureName`) must have been resolved. */
export function isFeature(name: string): boolean {
  return named(name) !== undefined || OTHERS.has(name);
}

/** libxl's name of a feature; undefined if it has none. */
export function libxlNameOf(name: string): string | undefined {
  return named(name)?.libxl.at(0);
}

/**
 * The feature of a libxl name, by its libvirt name if it has one; undefined for a name that is not a one-bit feature.
 */
export function featureOfLibxl(name: string): string | undefined {
  const found = BY_LIBXL.get(name);
  return found === undefined ? undefined : (found.name ?? name);
}

/** The place of a feature in CPUID; undefined if libxl has no name for it, so that it cannot be set. */
export function settableBit(name: string): CpuidBit | undefined {
  const found = named(name);
  return found === undefined || found.libxl.length === 0 ? undefined : found;
}

/**
 * The feature at a place of CPUID, as `featureOfLibxl` names it. A subleaf of 0 equals none if the leaf has no
 * subleaves.
 */
export function featureAt({ leaf, subleaf, register, bit }: CpuidBit): string | undefined {
  const found = ALL.find(
    (one) => one.leaf === leaf && one.register === register && one.bit === bit && (one.subleaf ?? 0) === (subleaf ?? 0),
  );
  return found === undefined || found.libxl.length === 0 ? undefined : (found.name ?? found.libxl[0]);
}
