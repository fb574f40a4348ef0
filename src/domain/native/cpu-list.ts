import type { CpuSet } from '../cpu-set.js';

/*
 * Lists of processors as xl reads them (xl_parse.c, `parse_cpurange`): numbers and ranges with commas between them, `all`,
 * `node:` and `nodes:` before a number or range of the host's NUMA nodes, and `^` before either to take it out again. They
 * are read from left to right.
 */

/** Processors beyond are none of any host. */
const CPUS = 4096;

export type CpuList =
  | { readonly kind: 'cpus'; readonly cpus: CpuSet }
  /** Every processor of the host. */
  | { readonly kind: 'all' }
  /** It names NUMA nodes, whose processors only the host knows. */
  | { readonly kind: 'nodes' };

interface Item {
  readonly isOut: boolean;
  readonly isNodes: boolean;
  readonly range: 'all' | readonly [number, number];
}

const RANGE = /^[ \t]{0,16}(\d{1,9})(?:-(\d{1,9}))?$/;

function parseItem(text: string): Item | undefined {
  const isOut = text.startsWith('^');
  const rest = isOut ? text.slice(1) : text;
  const prefix = ['node:', 'nodes:'].find((one) => rest.startsWith(one)) ?? '';
  const span = rest.slice(prefix.length);
  // xl takes no `^all`.
  if (span === 'all') return isOut ? undefined : { isOut, isNodes: false, range: 'all' };
  const match = RANGE.exec(span);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match.at(2) ?? from);
  return to < from ? undefined : { isOut, isNodes: prefix !== '', range: [from, to] };
}

/** Undefined where xl would refuse the text, or where it leaves no processor. */
export function parseCpuList(text: string): CpuList | undefined {
  const on = new Uint8Array(CPUS);
  let isNodes = false;
  for (const part of text.split(',')) {
    if (part === '') continue;
    const item = parseItem(part.trimEnd());
    if (item === undefined) return undefined;
    isNodes ||= item.isNodes;
    if (item.isNodes) continue;
    const [from, to] = item.range === 'all' ? [0, CPUS - 1] : item.range;
    on.fill(item.isOut ? 0 : 1, Math.min(from, CPUS), Math.min(to + 1, CPUS));
  }
  if (isNodes) return { kind: 'nodes' };
  const cpus = [...on.keys()].filter((cpu) => on[cpu] === 1);
  if (cpus.length === 0) return undefined;
  return cpus.length === CPUS ? { kind: 'all' } : { kind: 'cpus', cpus };
}

function ranges(cpus: CpuSet): string[] {
  const found: string[] = [];
  let start = 0;
  cpus.forEach((cpu, index) => {
    if (cpus.at(index + 1) === cpu + 1) return;
    found.push(start === index ? String(cpu) : `${cpus[start]}-${cpu}`);
    start = index + 1;
  });
  return found;
}

/** The opposite: a set that reaches the last processor there may be is all but some, whatever the host has. */
export function formatCpuList(cpus: CpuSet): string {
  if (cpus.length >= CPUS) return 'all';
  if (cpus.at(-1) !== CPUS - 1) return ranges(cpus).join(',');
  const on = new Set(cpus);
  const out = Array.from({ length: CPUS }, (_, cpu) => cpu).filter((cpu) => !on.has(cpu));
  return ['all', ...ranges(out).map((range) => `^${range}`)].join(',');
}
