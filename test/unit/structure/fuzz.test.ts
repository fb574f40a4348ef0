import { describe, expect, it } from 'vitest';
import { runFuzz } from '../../support/fuzz/run-fuzz.js';
import { TARGETS } from '../../support/fuzz/targets.js';

const SEED = 20261123;
const CASES = 300;

/** `npm run fuzz -- --minutes N` is the long form. */
describe('bytes of others, changed at random', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: are read, or refused with a typed error',
    (_name, target) => {
      for (const seed of target.seeds) target.read(seed);
      const { found } = runFuzz([target], SEED, (cases) => cases >= CASES);
      expect(found).toEqual([]);
    },
  );

  it('a reader that fails in another way is found', () => {
    const broken = { name: 'broken', seeds: [Buffer.from('abc')], read: () => Buffer.alloc(1).readUInt32LE(0) };
    expect(runFuzz([broken], SEED, (cases) => cases >= 3).found).toHaveLength(3);
  });
});
