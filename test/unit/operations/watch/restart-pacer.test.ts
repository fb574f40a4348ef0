import { describe, expect, it } from 'vitest';
import { RestartPacer } from '../../../../src/operations/watch/restart-pacer.js';

describe('the pace of restarts', () => {
  it('is free for some, then slower and slower, up to a minute', () => {
    const pacer = new RestartPacer();
    const delays = Array.from({ length: 12 }, (_, run) => pacer.delay('u', run + 1, 500, 0));
    expect(delays).toEqual([0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('counts a run once, however often it is asked after', () => {
    const pacer = new RestartPacer();
    for (let run = 1; run <= 3; run += 1) pacer.delay('u', run, 500, 0);
    expect(pacer.delay('u', 4, 500, 1000)).toBe(1000);
    expect(pacer.delay('u', 4, 500, 1400)).toBe(600);
    expect(pacer.delay('u', 4, 500, 2001)).toBe(0);
    expect(pacer.delay('u', 5, 500, 2001)).toBe(2000);
  });

  it('is free again behind a good run, for another guest, and where nobody knows how long it ran', () => {
    const pacer = new RestartPacer();
    for (let run = 1; run <= 8; run += 1) pacer.delay('u', run, 500, 0);
    expect(pacer.delay('v', 1, 500, 0)).toBe(0);
    expect(pacer.delay('u', 9, 61_000, 0)).toBe(0);
    expect(pacer.delay('u', 10, 500, 0)).toBe(0);
    expect(pacer.delay('w', 1, undefined, 0)).toBe(0);
  });

  it('forgets those that are no longer there', () => {
    const pacer = new RestartPacer();
    for (let run = 1; run <= 8; run += 1) for (const uuid of ['u', 'v']) pacer.delay(uuid, run, 500, 0);
    pacer.keepOnly(new Set(['v']));
    expect(pacer.delay('u', 9, 500, 0)).toBe(0);
    expect(pacer.delay('v', 9, 500, 0)).toBe(32_000);
  });
});
