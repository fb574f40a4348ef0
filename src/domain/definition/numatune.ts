import { element, isElement, type XmlElement } from '../../xml/element.js';
import { parseCpuSet } from '../cpu-set.js';
import type { Cpu } from './cpu.js';
import type { ElementReader } from './element-reader.js';

/** Most nodes of a host. */
const MAX_NODES = 1024;

/** Host nodes of the guest's cells, and settings that Xen does not support, kept as written. */
export interface NumaTune {
  readonly nodeOf: ReadonlyMap<number, number>;
  readonly rest: readonly XmlElement[];
}

/**
 * Reads `<numatune>`: a `<memnode>` with one node gives libxl's node of a cell (L05); libxl has no field for anything
 * else.
 */
export function readNumaTune(domain: ElementReader): NumaTune | undefined {
  return domain.child('numatune', (tune) => {
    const nodeOf = new Map<number, number>();
    tune.children('memnode', MAX_NODES, (memnode) => {
      memnode.choice('mode', ['strict', 'preferred', 'interleave', 'restrictive']);
      const nodes = parseCpuSet(memnode.need('nodeset'));
      if (nodes === undefined) throw memnode.bad('@nodeset', 'is not a set of nodes');
      const [node] = nodes;
      if (node >= MAX_NODES) throw memnode.bad('@nodeset', `has a node over ${MAX_NODES - 1}`);
      if (nodes.size > 1) {
        memnode.reading.warnings.push(`${memnode.path}/@nodeset: Xen puts a cell on one node: it is ${node}`);
      }
      nodeOf.set(memnode.needInteger('cellid', 0, 4095), node);
    });
    const memory = tune.element.children.filter(
      (child): child is XmlElement => isElement(child) && child.name === 'memory',
    );
    if (memory.length > 0) tune.reading.warnings.push(`${tune.path}/memory: is kept, and has no effect under Xen`);
    tune.skip('memory');
    return { nodeOf, rest: [...memory, ...tune.leftovers()] };
  });
}

/** The CPU with the host nodes of its cells. */
export function withNodes(cpu: Cpu | undefined, tune: NumaTune | undefined): Cpu | undefined {
  if (cpu === undefined || tune === undefined || tune.nodeOf.size === 0) return cpu;
  return {
    ...cpu,
    numa: cpu.numa.map((cell) => {
      const pnode = tune.nodeOf.get(cell.id);
      return pnode === undefined ? cell : { ...cell, pnode };
    }),
  };
}

/** `<numatune>` with the host nodes of the CPU's cells and the kept content; no element if there is nothing. */
export function writeNumaTune(cpu: Cpu | undefined, rest: readonly XmlElement[] = []): XmlElement[] {
  const nodes = (cpu?.numa ?? []).flatMap(({ id, pnode }) =>
    pnode === undefined ? [] : [element('memnode', { cellid: id, mode: 'strict', nodeset: pnode })],
  );
  return nodes.length + rest.length === 0 ? [] : [element('numatune', {}, [...rest, ...nodes])];
}
