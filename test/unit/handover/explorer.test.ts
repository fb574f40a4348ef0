import { describe, expect, it } from 'vitest';
import { explore } from '../../support/handover-explorer.js';

describe('the handover, every reachable state', () => {
  const result = explore();

  it('walks a space worth the name', () => {
    process.stdout.write(`handover model: ${result.states} states, ${result.settledStates} of them settled\n`);
    expect(result.states).toBeGreaterThan(10_000);
  });

  it('F12 F13 F14 F17 F18 F54: never runs two copies, never loses the only one', () => {
    expect(result.broken.slice(0, 3)).toEqual([]);
  });

  it('leaves a way out of every state', () => {
    expect(result.withoutWayOut.slice(0, 3)).toEqual([]);
  });
});
