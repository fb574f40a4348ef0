import { describe, expect, it } from 'vitest';
import { ArrivalClock } from '../../../src/dest/arrival-clock.js';
import { DowntimeClock } from '../../../src/source/downtime.js';

const TIMES = { restoreMs: 30, commitMs: 20, unpauseMs: 10 };

function clock(): { readonly downtime: DowntimeClock; at: number } {
  let at = 1000;
  return {
    downtime: new DowntimeClock(() => at),
    get at() {
      return at;
    },
    set at(ms) {
      at = ms;
    },
  };
}

describe('the downtime of a guest', () => {
  it('has the parts that were seen here and those that the destination measured, and no wait for its answer', async () => {
    const run = clock();
    run.downtime.suspended(Promise.resolve());
    run.at += 5;
    await Promise.resolve();
    run.at += 40;
    run.downtime.saved();
    run.at += 100; // two round trips and the rest
    expect(run.downtime.arrived(TIMES)).toEqual({ totalMs: 105, drainMs: 5, lastRoundMs: 40, arrival: TIMES });
  });

  it('is what was seen here where the destination does not tell, and never longer than that', () => {
    const run = clock();
    run.downtime.suspended(undefined);
    run.at += 45;
    run.downtime.saved();
    run.at += 50;
    expect(run.downtime.arrived(undefined)).toEqual({ totalMs: 95, drainMs: 45, lastRoundMs: 0 });
    expect(run.downtime.arrived({ ...TIMES, restoreMs: 5000 })?.totalMs).toBe(95);
    // The parts are no more than the whole: what is counted twice comes off the restore.
    const times = { restoreMs: 60, commitMs: 0, unpauseMs: 0 };
    const told = run.downtime.arrived(times);
    expect((told?.drainMs ?? 0) + (told?.lastRoundMs ?? 0) + (told?.arrival?.restoreMs ?? 0)).toBe(told?.totalMs);
  });

  it('begins with the first suspension, and is not known without one', async () => {
    const run = clock();
    expect(run.downtime.arrived(TIMES)).toBeUndefined();
    run.downtime.suspended(Promise.reject(new Error('the lanes are lost')));
    run.at += 10;
    run.downtime.suspended(undefined);
    run.at += 10;
    await Promise.resolve();
    expect(run.downtime.arrived(undefined)).toEqual({ totalMs: 20 });
  });
});

describe('the clock of an arrival', () => {
  it('measures each step, and says nothing before the last', () => {
    let at = 0;
    const arrival = new ArrivalClock(() => at);
    at = 110;
    arrival.restored(100);
    at = 125;
    arrival.committed();
    expect(arrival.times).toBeUndefined();
    at = 130;
    arrival.activated();
    expect(arrival.times).toEqual({ restoreMs: 10, commitMs: 15, unpauseMs: 5 });
  });
});
