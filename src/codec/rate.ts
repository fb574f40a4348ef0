import { setTimeout as sleep } from 'node:timers/promises';

/** Unused time that may be caught up: timers are slightly late, and their delay is not lost. */
const CATCH_UP_MS = 50;

/** The clock of a stage. */
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
 * Holds a stream to a rate: over any time no more passes than the rate allows in it, plus one chunk and what CATCH_UP_MS allow.
 */
export class RateLimit {
  #freeAt: number;

  /** @param now in ms, of any monotonic clock */
  constructor(
    private readonly bytesPerSecond: number,
    now: number,
  ) {
    this.#freeAt = now;
  }

  /** How long a chunk of so many bytes has to wait, in ms; it counts as passed. */
  waitMs(bytes: number, now: number): number {
    // A stalled save must not be followed by a burst.
    this.#freeAt = Math.max(this.#freeAt, now - CATCH_UP_MS);
    const wait = this.#freeAt - now;
    this.#freeAt += (bytes / this.bytesPerSecond) * 1000;
    return wait > 1 ? wait : 0;
  }
}

/** A stage that delays chunks as `RateLimit` says. @param bytesPerSecond undefined: no limit */
export function limitRate(
  bytesPerSecond: number | undefined,
  signal: AbortSignal,
  clock: Clock = CLOCK,
): (chunk: Uint8Array) => Uint8Array | Promise<Uint8Array> {
  if (bytesPerSecond === undefined) return (chunk) => chunk;
  const limit = new RateLimit(bytesPerSecond, clock.now());
  return async (chunk) => {
    const wait = limit.waitMs(chunk.byteLength, clock.now());
    if (wait > 0) await clock.sleep(wait, signal);
    return chunk;
  };
}
