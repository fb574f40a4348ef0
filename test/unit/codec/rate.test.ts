import { describe, expect, it } from 'vitest';
import { limitRate, type Clock } from '../../../src/codec/rate.js';

const MIB = 1024 * 1024;
const signal = new AbortController().signal;

/** Time that passes only in sleeps, each of which is late. */
class LateClock implements Clock {
  ms = 1000;
  constructor(private readonly lateMs: number) {}
  now = (): number => this.ms;
  sleep = (ms: number): Promise<void> => {
    this.ms += ms + this.lateMs;
    return Promise.resolve();
  };
}

describe('--bandwidth', () => {
  it.each([
    [1, 64 * 1024, 8],
    [16, 256 * 1024, 5],
    [200, 256 * 1024, 3],
    [1000, MIB, 1],
  ])(
    '%i MiB/s is held within 5 %% in chunks of %i bytes, though each timer is %i ms late',
    async (rate, chunkBytes, late) => {
      const clock = new LateClock(late);
      const limit = limitRate(rate * MIB, signal, clock);
      const chunk = new Uint8Array(chunkBytes);
      const began = clock.ms;
      const chunks = Math.ceil((10 * rate * MIB) / chunkBytes);
      for (let index = 0; index < chunks; index += 1) await limit(chunk);
      const seen = (chunks * chunkBytes) / MIB / ((clock.ms - began) / 1000);
      expect(seen / rate).toBeGreaterThan(0.95);
      expect(seen / rate).toBeLessThan(1.05);
    },
  );

  it('a stall is not followed by a burst', async () => {
    const clock = new LateClock(0);
    const limit = limitRate(MIB, signal, clock);
    const chunk = new Uint8Array(MIB / 10);
    await limit(chunk);
    clock.ms += 60_000;
    const began = clock.ms;
    for (let index = 0; index < 20; index += 1) await limit(chunk);
    // The first goes at once, and 50 ms are half a chunk.
    expect(clock.ms - began).toBeGreaterThan(1800);
  });

  it('a signal ends the wait', async () => {
    const stop = new AbortController();
    const limit = limitRate(1, stop.signal);
    await limit(new Uint8Array(1000));
    const waiting = limit(new Uint8Array(1000));
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow();
  });
});
