import { element, type XmlElement } from '../../xml/element.js';
import { CpuSet, formatCpuSet, parseCpuSet } from '../cpu-set.js';
import { parseMemoryKiB } from '../memory.js';
import type { ElementReader } from './element-reader.js';

const MODES = ['custom', 'host-model', 'host-passthrough', 'maximum'] as const;
const MATCHES = ['minimum', 'exact', 'strict'] as const;
const CHECKS = ['none', 'partial', 'full'] as const;
const POLICIES = ['force', 'require', 'optional', 'disable', 'forbid'] as const;

/** A `<feature>` of a CPU. */
export interface CpuFeature {
  readonly name: string;
  readonly policy: (typeof POLICIES)[number];
}

/** A node of the guest's memory and processors (L05). */
export interface NumaCell {
  readonly id: number;
  readonly cpus: CpuSet;
  readonly memoryKiB: number;
  /** The host's node for it; undefined: the node with its own index. In domain XML: `<memnode>` of `<numatune>`. */
  readonly pnode?: number | undefined;
  readonly distances: readonly { readonly id: number; readonly value: number }[];
}

/** `<cpu>` of a definition. */
export interface Cpu {
  readonly mode: (typeof MODES)[number] | undefined;
  readonly match: (typeof MATCHES)[number] | undefined;
  readonly check: (typeof CHECKS)[number] | undefined;
  readonly migratable: boolean | undefined;
  readonly model: string | undefined;
  readonly fallback: 'allow' | 'forbid' | undefined;
  readonly vendor: string | undefined;
  readonly topology:
    { readonly sockets: number; readonly dies: number; readonly cores: number; readonly threads: number } | undefined;
  readonly features: readonly CpuFeature[];
  readonly numa: readonly NumaCell[];
}

const MAX_COUNT = 4096;
/** Most cells: each has a virtual processor, and a distance to each other one. */
const MAX_CELLS = 128;
/** Most features; x86 has about 500 with names. */
const MAX_FEATURES = 1024;

function readCell(cell: ElementReader): Omit<NumaCell, 'id'> & { readonly id: number | undefined } {
  const text = cell.attribute('cpus');
  // A cell without processors gets those that no other cell names.
  const cpus = text === undefined ? CpuSet.NONE : parseCpuSet(text);
  if (cpus === undefined) throw cell.bad('@cpus', 'is not a set of processors');
  const memoryKiB = parseMemoryKiB(cell.need('memory'), cell.attribute('unit'));
  if (memoryKiB === undefined) throw cell.bad('@memory', 'is not a size');
  const distances = cell.child('distances', (reader) =>
    reader.children('sibling', MAX_CELLS, (sibling) => ({
      id: sibling.needInteger('id', 0, MAX_COUNT),
      value: sibling.needInteger('value', 10, 255),
    })),
  );
  return { id: cell.integer('id', 0, MAX_COUNT), cpus, memoryKiB, distances: distances ?? [] };
}

/** A CPU without any setting. */
export const NO_CPU: Cpu = {
  mode: undefined,
  match: undefined,
  check: undefined,
  migratable: undefined,
  model: undefined,
  fallback: undefined,
  vendor: undefined,
  topology: undefined,
  features: [],
  numa: [],
};

/**
 * The features that a guest explicitly gets or does not get. Xen shows each guest the host's own processor: a model
 * (`custom`) has no effect, as in libvirt's driver.
 */
export function givenFeatures(cpu: Cpu | undefined): readonly CpuFeature[] {
  return cpu === undefined || isModel(cpu) ? [] : cpu.features;
}

/** Whether the CPU is a model of its own, and not the host's with changes. */
export function isModel({ mode, model }: Cpu): boolean {
  return model !== undefined ? mode === undefined || mode === 'custom' : mode === 'custom';
}

/**
 * The cells, completed as by libvirt: vcpus that no cell names belong to the first one.
 */
export function completeCells(cells: readonly NumaCell[], vcpus: number): readonly NumaCell[] {
  const named = cells.slice(1).reduce((all, { cpus }) => all.union(cpus), CpuSet.NONE);
  const rest = CpuSet.range(0, vcpus - 1).without(named);
  return cells.map((cell, index) => (index > 0 ? cell : { ...cell, cpus: cell.cpus.union(rest) }));
}

/** Reads `<cpu>` of a domain, undefined if there is none. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readCpu(domain: ElementReader): Cpu | undefined {
  return domain.child('cpu', readCpuElement);
}

/** Reads the contents of a `<cpu>`. */
export function readCpuElement(reader: ElementReader): Cpu {
  const model = reader.child('model', (one) => ({
    name: one.text() || undefined,
    fallback: one.choice('fallback', ['allow', 'forbid']),
  }));
  return {
    mode: reader.choice('mode', MODES),
    match: reader.choice('match', MATCHES),
    check: reader.choice('check', CHECKS),
    migratable: reader.onOff('migratable'),
    model: model?.name,
    fallback: model?.fallback,
    vendor: reader.textChild('vendor'),
    topology: reader.child('topology', (topology) => ({
      sockets: topology.needInteger('sockets', 1, MAX_COUNT),
      dies: topology.integer('dies', 1, MAX_COUNT) ?? 1,
      cores: topology.needInteger('cores', 1, MAX_COUNT),
      threads: topology.needInteger('threads', 1, MAX_COUNT),
    })),
    features: reader.children('feature', MAX_FEATURES, (feature) => ({
      name: feature.need('name'),
      policy: feature.choice('policy', POLICIES) ?? 'require',
    })),
    numa:
      reader.child('numa', (numa) =>
        numa
          .children('cell', MAX_CELLS, readCell)
          .map((cell, index) => ({ ...cell, id: cell.id ?? index }))
          // libxl knows them by their place.
          .sort((a, b) => a.id - b.id),
      ) ?? [],
  };
}

/** The CPU as `<cpu>`. */
export function writeCpu(cpu: Cpu): XmlElement {
  const { topology } = cpu;
  return element(
    'cpu',
    {
      mode: cpu.mode,
      match: cpu.match,
      check: cpu.check,
      migratable: cpu.migratable === undefined ? undefined : cpu.migratable ? 'on' : 'off',
    },
    [
      ...(cpu.model === undefined && cpu.fallback === undefined
        ? []
        : [element('model', { fallback: cpu.fallback }, cpu.model === undefined ? [] : [cpu.model])]),
      ...(cpu.vendor === undefined ? [] : [element('vendor', {}, [cpu.vendor])]),
      ...(topology === undefined ? [] : [element('topology', { ...topology })]),
      ...cpu.features.map(({ name, policy }) => element('feature', { policy, name })),
      ...(cpu.numa.length === 0 ? [] : [element('numa', {}, cpu.numa.map(writeCell))]),
    ],
  );
}

function writeCell({ id, cpus, memoryKiB, distances }: NumaCell): XmlElement {
  return element(
    'cell',
    { id, cpus: cpus.isEmpty ? undefined : formatCpuSet(cpus), memory: memoryKiB, unit: 'KiB' },
    distances.length === 0
      ? []
      : [
          element(
            'distances',
            {},
            distances.map((sibling) => element('sibling', { ...sibling })),
          ),
        ],
  );
}
