import { beforeAll, describe, expect, it } from 'vitest';
import { explore, type Exploration } from '../../support/model/explore.js';

let result: Exploration;
beforeAll(() => {
  result = explore();
}, 300_000);

describe('the handover, every reachable state', () => {
  it('walks a space worth the name, to its end', () => {
    const { states, settledStates, steps, depth, crashes } = result;
    process.stdout.write(
      `handover model: ${states} states, ${settledStates} of them settled, ${steps} steps, depth ${depth}, ${crashes} crashes\n`,
    );
    expect(states).toBeGreaterThan(200_000);
    expect(steps).toBeGreaterThan(states);
    expect(depth).toBeGreaterThan(25);
    expect(crashes).toBe(2);
  });

  it('F12 F13 F14 F17 F18 F54: never runs two copies, never loses the only one', () => {
    expect(result.broken.slice(0, 3)).toEqual([]);
  });

  it('leaves a way out of every state', () => {
    expect(result.withoutWayOut.slice(0, 3)).toEqual([]);
  });
});
