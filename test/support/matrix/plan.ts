import { KINDS, partsOf } from './kinds.js';
import { shuffled } from './random.js';
import { runCase, type Case, type CaseFault } from './run-case.js';

/** A way that a migration can go. Its first faults lead onto it; further ones strike on the way. */
export interface Walk {
  readonly name: string;
  readonly faults: readonly CaseFault[];
  /** What may strike there as well; absent: everything. */
  readonly kinds?: readonly string[];
}

const SECOND = ['kill-source', 'kill-dest', 'reset', 'call-fails', 'journal-enospc'];

export const WALKS: readonly Walk[] = [
  { name: 'clean', faults: [] },
  { name: 'refused', faults: [{ kind: 'call-fails', at: 'dest:rename:before#1' }], kinds: SECOND },
  { name: 'cancelled', faults: [{ kind: 'ctrl-c', at: 'source:save:round#1' }], kinds: SECOND },
  { name: 'source-died', faults: [{ kind: 'kill-source', at: 'source:journal-in-doubt:after#1' }], kinds: SECOND },
  { name: 'dest-died', faults: [{ kind: 'kill-dest', at: 'dest:journal-committed:after#1' }], kinds: SECOND },
];

/** The cases of a walk, from what a run along it came by. */
export function casesOf(walk: Walk, trace: readonly string[]): Case[] {
  const begun = walk.faults.map(({ at }) => trace.indexOf(at));
  const from = Math.max(-1, ...begun);
  const kinds = Object.entries(KINDS).filter(([name]) => walk.kinds?.includes(name) ?? true);
  return trace
    .slice(from + 1)
    .flatMap((at) =>
      kinds
        .filter(([, kind]) => kind.where(partsOf(at)))
        .map(([kind]) => ({ id: `${walk.name}/${kind}@${at}`, faults: [...walk.faults, { kind, at }] })),
    );
}

/** Every case of every walk. Runs each walk once, without anything more going wrong, to see where it leads. */
export async function planCases(walks: readonly Walk[] = WALKS): Promise<Case[]> {
  const cases: Case[] = [];
  for (const walk of walks) {
    const { result, trace, problem } = await runCase({ id: walk.name, faults: walk.faults });
    if (result !== 'passed') throw new Error(`the walk ${walk.name} itself ${result}: ${problem ?? ''}`);
    cases.push(...casesOf(walk, trace));
  }
  return cases;
}

/** So many of the cases, of every kind about as many, as the random numbers decide. */
export function sampled(cases: readonly Case[], count: number, random: () => number): Case[] {
  const byKind = new Map<string, Case[]>();
  for (const one of shuffled(cases, random)) {
    const kind = kindOf(one.id);
    byKind.set(kind, [...(byKind.get(kind) ?? []), one]);
  }
  const picked: Case[] = [];
  while (picked.length < count && byKind.size > 0) {
    for (const [kind, left] of byKind) {
      const next = left.pop();
      if (next === undefined) byKind.delete(kind);
      else if (picked.length < count) picked.push(next);
    }
  }
  return picked;
}

/** What happens in a case: the kind of its last fault. */
export function kindOf(id: string): string {
  return /\/([^@]+)@/.exec(id)?.[1] ?? id;
}
