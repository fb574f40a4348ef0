import { describe, expect, it } from 'vitest';
import { MUTANTS } from '../support/model/mutants.js';
import { runCase, type CaseFault } from '../support/matrix/run-case.js';

/**
 * Cases of the fault matrix that a broken rule of the handover does not pass, run with the rules as they are and as they are
 * broken. The explorer finds every one of `MUTANTS`; here the real executors, journals and toolstacks are at work.
 */
const CASES: readonly { readonly mutant: string; readonly faults: readonly CaseFault[]; readonly problem: RegExp }[] = [
  {
    mutant: 'resumes after finish was sent',
    faults: [{ kind: 'cut', at: 'wire:outcome#1' }],
    // That it does not run twice is the lease's work: the disk is the destination's by then.
    problem: /suspended at the source, running at the dest/,
  },
  {
    mutant: 'destroys its copy on pending',
    faults: [{ kind: 'kill-dest', at: 'wire:finish#1' }],
    problem: /did not arrive; the copies: (none|paused at the dest)/,
  },
  {
    mutant: 'resumes what it finds in doubt after a restart',
    faults: [{ kind: 'kill-source', at: 'dest:unpause:after#1' }],
    problem: /not settled .*source: returning/,
  },
  {
    mutant: 'sends finish before it is in doubt by its journal',
    faults: [{ kind: 'kill-source', at: 'dest:unpause:after#1' }],
    problem: /not settled .*source: returning/,
  },
  {
    mutant: 'lets the guest run before the commit is recorded',
    faults: [{ kind: 'kill-dest', at: 'dest:unpause:after#1' }],
    problem: /not settled .*dest: refusing/,
  },
  {
    mutant: 'takes a commit that failed to be written for durable',
    faults: [
      { kind: 'journal-enospc', at: 'dest:journal-committed:before#1' },
      { kind: 'kill-dest', at: 'dest:unpause:after#1' },
    ],
    problem: /not settled .*dest: refusing/,
  },
  {
    mutant: 'answers aborted though the refusal was not recorded after a torn commit',
    faults: [
      { kind: 'journal-enospc', at: 'dest:journal-committed:after#1' },
      { kind: 'journal-enospc', at: 'dest:journal-refusing:before#1' },
    ],
    problem: /ran twice/,
  },
];

describe('the fault matrix finds a handover that', () => {
  it.each(CASES)(
    '$mutant',
    async ({ mutant, faults, problem }) => {
      const machines = MUTANTS.find(({ name }) => name === mutant)?.machines;
      if (machines === undefined) throw new Error(`no mutant ${mutant}`);
      const broken = await runCase({ id: mutant, faults }, machines);
      expect(broken, broken.problem).toMatchObject({
        result: 'failed',
        problem: expect.stringMatching(problem) as string,
      });
      const id = `${mutant}, mended`;
      const whole = await runCase({ id, faults });
      expect(whole.result, whole.problem).not.toBe('failed');
    },
    120_000,
  );
});
