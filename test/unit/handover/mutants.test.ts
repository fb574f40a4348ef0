import { expect, it } from 'vitest';
import { explore } from '../../support/model/explore.js';
import { MUTANTS } from '../../support/model/mutants.js';
import { START } from '../../support/model/world.js';

/** One death is enough to find each of them. */
const start = { ...START, crashes: 1 };

it.each(MUTANTS)(
  'the explorer finds a handover that $name',
  ({ machines }) => {
    const { broken } = explore({ machines, start, untilBroken: true });
    expect(broken.map(({ promise }) => promise)).toHaveLength(1);
    expect(broken[0].way.length).toBeGreaterThan(5);
  },
  120_000,
);
