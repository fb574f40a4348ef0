import { beforeAll, describe, expect, it } from 'vitest';
import { KINDS } from '../support/matrix/kinds.js';
import { kindOf, planCases, sampled } from '../support/matrix/plan.js';
import { randomFrom } from '../support/matrix/random.js';
import type { CaseResult } from '../support/matrix/run-case.js';
import { runMatrix, type MatrixReport } from '../support/matrix/run-matrix.js';

/**
 * The fault matrix, in this process: every kind of fault at every moment of a migration, of which the seed picks some of each
 * kind. `npm run test:faults` runs all of them, or one again by its id.
 */
const SEED = Number(process.env.XENFERRY_FAULT_SEED ?? '20261123');
const CASES = 360;
const ALL_MS = 10 * 60_000;

const results: CaseResult[] = [];
let report: MatrixReport;

beforeAll(async () => {
  const planned = await planCases();
  report = await runMatrix(sampled(planned, CASES, randomFrom(SEED)), { onResult: (result) => results.push(result) });
  process.stdout.write(
    `fault matrix: ${report.passed} of ${report.cases} cases (${planned.length} in all), seed ${SEED}, ${report.seconds.toFixed(0)} s\n`,
  );
}, ALL_MS);

describe('the fault matrix', () => {
  it.each(Object.entries(KINDS).map(([kind, { covers }]) => ({ kind, covers })))('$covers: $kind', ({ kind }) => {
    const mine = results.filter(({ id }) => kindOf(id) === kind);
    const failed = mine.filter(({ result }) => result === 'failed').map(({ id, problem }) => `${id}: ${problem ?? ''}`);
    expect(failed).toEqual([]);
    expect(mine.filter(({ result }) => result === 'passed').length).toBeGreaterThan(0);
  });

  it('has at least 300 distinct cases that came by their moment', () => {
    expect(new Set(results.map(({ id }) => id)).size).toBe(results.length);
    expect(report.passed).toBeGreaterThanOrEqual(300);
  });

  it('ends in every way in which a migration can end', () => {
    expect(Object.keys(report.byEnd)).toEqual(
      expect.arrayContaining(['done', 'killed', 'source-running', 'in-doubt', 'refused']),
    );
  });

  it('leaves no descriptor behind', () => {
    expect(report.descriptorsLeft).toEqual([]);
  });
});
