import { setTimeout as sleep } from 'node:timers/promises';

/** Time not used that may be made up for: timers are late by a little, and what they cost is not lost. */
const CATCH_UP_MS = 50;

/** Where a stage gets the time from. */
export interface Clock {
  /** In ms, monotonic. */
  now(): number;
  /** Rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<unknown>;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

/**
 * A stage that holds the stream to a rate: chunks are delayed so that over any time no more has passed than the rate
 * allows in it, plus one chunk and what CATCH_UP_MS allow.
 * @param bytesPerSecond undefined: no limit
 */
export function limitRate(
  bytesPerSecond: number | undefined,
  signal: AbortSignal,
  clock: Clock = CLOCK,
): (chunk: Uint8Array) => Uint8Array | Promise<Uint8Array> {
  if (bytesPerSecond === undefined) return (chunk) => chunk;
  let freeAt = clock.now();
  return async (chunk) => {
    const now = clock.now();
    // A stalled save must not be followed by a burst.
    freeAt = Math.max(freeAt, now - CATCH_UP_MS);
    const wait = freeAt - now;
    freeAt += (chunk.byteLength / bytesPerSecond) * 1000;
    if (wait > 1) await clock.sleep(wait, signal);
    return chunk;
  };
}
