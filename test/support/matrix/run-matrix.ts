import { availableParallelism } from 'node:os';
import { readdirSync, readlinkSync } from 'node:fs';
import { kindOf } from './plan.js';
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
  /** Files of the cases that are open behind it. */
  readonly descriptorsLeft: readonly string[];
}

/** Most of a case is waiting for deadlines, so that more of them than cores go on at once. */
const AT_ONCE_PER_CORE = 3;

/** Files under the folders of cases that this process has open. */
function openFilesOfCases(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.includes('/xenferry-case-') ? [path] : [];
    } catch {
      return []; // it was that of this very look
    }
  });
}

export interface MatrixOptions {
  readonly onResult?: (result: CaseResult) => void;
  readonly atOnce?: number;
}

/** Runs cases, some at once, until there are no more. */
export async function runMatrix(cases: Iterable<Case>, options: MatrixOptions = {}): Promise<MatrixReport> {
  const startedAt = performance.now();
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
    const kind = kindOf(id);
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
    descriptorsLeft: openFilesOfCases(),
  };
}
