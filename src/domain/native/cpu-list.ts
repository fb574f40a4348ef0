import { CpuSet, formatCpuSet, MAX_CPUS } from '../cpu-set.js';

/*
 * Lists of processors as xl parses them (xl_parse.c, `parse_cpurange`): numbers and ranges separated by commas, `all`,
 * `node:` and `nodes:` before a number or range of the host's NUMA nodes, and `^` before either to remove it again.
 * They are read from left to right.
 */

/** Longest list that is parsed. */
const MAX_TEXT = 64 * 1024;

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
  // xl does not accept `^all`.
  if (span === 'all') return isOut ? undefined : { isOut, isNodes: false, range: 'all' };
  const match = RANGE.exec(span);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match.at(2) ?? from);
  return to < from ? undefined : { isOut, isNodes: prefix !== '', range: [from, to] };
}

/** Parses such a list; undefined if xl would refuse it, or if it leaves no processor. */
export function parseCpuList(text: string): CpuList | undefined {
  if (text.length > MAX_TEXT) return undefined;
  let cpus = CpuSet.NONE;
  let isNodes = false;
  for (const part of text.split(',')) {
    if (part === '') continue;
    const item = parseItem(part.trimEnd());
    if (item === undefined) return undefined;
    isNodes ||= item.isNodes;
    if (item.isNodes) continue;
    const range = item.range === 'all' ? CpuSet.ALL : rangeOf(...item.range);
    cpus = item.isOut ? cpus.without(range) : cpus.union(range);
  }
  if (isNodes) return { kind: 'nodes' };
  if (cpus.isEmpty) return undefined;
  return cpus.equals(CpuSet.ALL) ? { kind: 'all' } : { kind: 'cpus', cpus };
}

/** The range, cut at the last possible processor. */
function rangeOf(from: number, to: number): CpuSet {
  return from >= MAX_CPUS ? CpuSet.NONE : CpuSet.range(from, Math.min(to, MAX_CPUS - 1));
}

/** The inverse: a set that includes the last possible processor is written as all but some, for any host. */
export function formatCpuList(cpus: CpuSet): string {
  if (cpus.equals(CpuSet.ALL)) return 'all';
  if (!cpus.has(MAX_CPUS - 1)) return formatCpuSet(cpus);
  const out = formatCpuSet(CpuSet.ALL.without(cpus)).split(',');
  return ['all', ...out.map((range) => `^${range}`)].join(',');
}
