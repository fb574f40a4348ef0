import { availableParallelism } from 'node:os';
import { readdirSync } from 'node:fs';
import { runCase, type Case, type CaseResult } from './run-case.js';

export interface MatrixReport {
  readonly cases: number;
  readonly passed: number;
  /** Cases whose moment the run did not come by: they prove nothing and are not counted as passed. */
  readonly missed: readonly string[];
  readonly failed: readonly { readonly id: string; readonly problem: string }[];
  readonly seconds: number;
  /** By kind of fault. */
  readonly byKind: Readonly<Record<string, number>>;
  /** How the attempts ended. */
  readonly byEnd: Readonly<Record<string, number>>;
  /** Descriptors that were open behind it and not before. */
  readonly descriptorsLeft: number;
}

/** Most of a case is waiting for deadlines, so that more of them than cores go on at once. */
const AT_ONCE_PER_CORE = 3;

/** Random numbers from 0 to 1 that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same cases in an order that the seed decides. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [result[index], result[other]] = [result[other], result[index]];
  }
  return result;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

export interface MatrixOptions {
  readonly onResult?: (result: CaseResult) => void;
  readonly atOnce?: number;
}

/** Runs cases, some at once, until there are no more. */
export async function runMatrix(cases: Iterable<Case>, options: MatrixOptions = {}): Promise<MatrixReport> {
  const startedAt = performance.now();
  const before = openDescriptors();
  const results: CaseResult[] = [];
  const iterator = cases[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      const result = await runCase(next.value);
      results.push(result);
      options.onResult?.(result);
    }
  };
  await Promise.all(Array.from({ length: options.atOnce ?? AT_ONCE_PER_CORE * availableParallelism() }, work));

  const byKind: Record<string, number> = {};
  const byEnd: Record<string, number> = {};
  for (const { id, result, ended } of results) {
    if (result !== 'passed') continue;
    const kind = /\/([^@]+)@/.exec(id)?.[1] ?? id;
    byKind[kind] = (byKind[kind] ?? 0) + 1;
    byEnd[ended] = (byEnd[ended] ?? 0) + 1;
  }
  return {
    cases: results.length,
    passed: results.filter(({ result }) => result === 'passed').length,
    missed: results.filter(({ result }) => result === 'missed').map(({ id }) => id),
    failed: results.flatMap(({ id, problem }) => (problem === undefined ? [] : [{ id, problem }])),
    seconds: (performance.now() - startedAt) / 1000,
    byKind,
    byEnd,
    descriptorsLeft: openDescriptors() - before,
  };
}
