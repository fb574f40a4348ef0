import { UsageError } from '../errors/errors.js';
import { childrenNamed, element, isElement, type XmlElement } from '../xml/element.js';
import type { Domain } from './model.js';

/** Namespace of the embedded host's element in `<metadata>`. */
export const EMBEDDED_NS = 'urn:xenferry:embedded:1';

/** A fault to inject; the embedded host defines the names. */
export interface Fault {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** The activity of a simulated guest in its memory. Percentages are of its pages. */
export interface Workload {
  /** Time between two heartbeats, in ms. */
  readonly tickMs: number;
  readonly dirtyMiBPerSecond: number;
  /** Share of memory that receives most writes. */
  readonly hotPercent: number;
  readonly zeroPercent: number;
  readonly duplicatePercent: number;
  /** Share of pages that do not compress. */
  readonly randomPercent: number;
  /** Seed of reproducible memory; undefined: chosen when the guest is made. */
  readonly seed: number | undefined;
  /** The scheduler's limit of its processor time, in percent of one processor; 0: no limit. */
  readonly cap: number;
  /**
   * Whether it has Xen drivers that receive shutdown requests: `none` has none, `ignored` receives them without
   * reacting.
   */
  readonly control: (typeof CONTROLS)[number];
  readonly faults: readonly Fault[];
}

/** 100 for each processor that any guest can have. */
const MAX_CAP = 51_200;

const CONTROLS = ['pv', 'ignored', 'none'] as const;

/** Proportions as in real guests (a quiet PVH guest: 45 % zero, 7 % duplicate, 12 % incompressible). */
const DEFAULTS = {
  tickMs: 10,
  dirtyMiBPerSecond: 4,
  hotPercent: 5,
  zeroPercent: 45,
  duplicatePercent: 7,
  randomPercent: 12,
} as const;

const LIMITS: Readonly<Record<keyof typeof DEFAULTS, readonly [number, number]>> = {
  tickMs: [1, 1000],
  dirtyMiBPerSecond: [0, 100_000],
  hotPercent: [0.01, 100],
  zeroPercent: [0, 100],
  duplicatePercent: [0, 100],
  randomPercent: [0, 100],
};

function bad(field: string, why: string): UsageError {
  return new UsageError('E_USAGE_WORKLOAD', `metadata of the embedded guest, ${field}: ${why}`, {
    hint: 'docs/reference/embedded.md describes <embedded:guest>.',
    data: { field },
  });
}

/** The element's name without its prefix, if it is in our namespace. */
function ownName(element: XmlElement, prefix: string): string | undefined {
  if (prefix === '') return element.name;
  return element.name.startsWith(`${prefix}:`) ? element.name.slice(prefix.length + 1) : undefined;
}

function prefixOf(element: XmlElement): string | undefined {
  for (const [name, value] of element.attributes) {
    if (value !== EMBEDDED_NS) continue;
    if (name === 'xmlns') return '';
    if (name.startsWith('xmlns:')) return name.slice('xmlns:'.length);
  }
  return undefined;
}

/** The workload in the domain's metadata; with defaults. @throws UsageError naming the attribute */
export function readWorkload(domain: Domain): Workload {
  let found: Workload | undefined;
  for (const element of domain.metadata) {
    const prefix = prefixOf(element);
    if (prefix === undefined || ownName(element, prefix) === undefined) continue;
    if (ownName(element, prefix) !== 'guest') {
      throw bad(`<${element.name}>`, 'only <guest> is defined in this namespace');
    }
    if (found !== undefined) throw bad(`<${element.name}>`, 'occurs more than once');
    found = workloadOf(element, prefix);
  }
  return found ?? { ...DEFAULTS, seed: undefined, cap: 0, control: 'pv', faults: [] };
}

/** The same domain with another cap; a domain without a workload element gets one. */
export function withCap(domain: Domain, cap: number): Domain {
  const { metadata } = domain;
  const at = metadata.findIndex((one) => {
    const prefix = prefixOf(one);
    return prefix !== undefined && ownName(one, prefix) === 'guest';
  });
  const own = at === -1 ? element('embedded:guest', { 'xmlns:embedded': EMBEDDED_NS }) : metadata[at];
  const attributes = new Map([...own.attributes].filter(([name]) => name !== 'cap'));
  if (cap !== 0) attributes.set('cap', String(cap));
  const capped = { ...own, attributes };
  if (at !== -1) return { ...domain, metadata: metadata.with(at, capped) };
  return cap === 0 ? domain : { ...domain, metadata: [...metadata, capped] };
}

function workloadOf(element: XmlElement, prefix: string): Workload {
  const numbers: Record<keyof typeof DEFAULTS, number> = { ...DEFAULTS };
  let seed: number | undefined;
  let cap = 0;
  let control: Workload['control'] = 'pv';
  for (const [name, text] of element.attributes) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    if (name === 'seed') seed = number(name, text, 0, 0xffff_ffff);
    else if (name === 'cap') cap = whole(name, text, 0, MAX_CAP);
    else if (name === 'control') control = controlOf(text);
    else if (isNumberName(name)) numbers[name] = number(name, text, ...LIMITS[name]);
    else throw bad(`@${name}`, 'is unknown');
  }
  if (numbers.zeroPercent + numbers.duplicatePercent + numbers.randomPercent > 100) {
    throw bad('@zeroPercent, @duplicatePercent, @randomPercent', 'are more than 100 together');
  }
  const faultName = prefix === '' ? 'fault' : `${prefix}:fault`;
  for (const child of element.children) {
    if (isElement(child) && child.name !== faultName) throw bad(`<${child.name}>`, `only <${faultName}> may be here`);
  }
  const faults = childrenNamed(element, faultName).map((child): Fault => {
    const attributes = new Map(child.attributes);
    const name = attributes.get('name');
    if (name === undefined) throw bad(`<${faultName}>`, 'has no name');
    attributes.delete('name');
    return { name, attributes };
  });
  return { ...numbers, seed, cap, control, faults };
}

function controlOf(text: string): Workload['control'] {
  const found = CONTROLS.find((one) => one === text);
  if (found === undefined) throw bad('@control', `${JSON.stringify(text)} is not one of ${CONTROLS.join(', ')}`);
  return found;
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = number(name, text, min, max);
  if (!Number.isInteger(value)) throw bad(`@${name}`, `${JSON.stringify(text)} is not a whole number`);
  return value;
}

function isNumberName(name: string): name is keyof typeof DEFAULTS {
  return Object.hasOwn(DEFAULTS, name);
}

function number(name: string, text: string, min: number, max: number): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw bad(`@${name}`, `${JSON.stringify(text)} is not a number from ${min} to ${max}`);
  return value;
}
