import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A stage that holds the stream to a rate: chunks are delayed so that at no time more has passed
 * than the rate allows since the start, plus one chunk.
 * @param bytesPerSecond undefined: no limit
 */
export function limitRate(
  bytesPerSecond: number | undefined,
  signal: AbortSignal,
): (chunk: Uint8Array) => Uint8Array | Promise<Uint8Array> {
  if (bytesPerSecond === undefined) return (chunk) => chunk;
  let freeAt = performance.now();
  return async (chunk) => {
    const now = performance.now();
    // Time that was not used is gone: a stalled save must not be followed by a burst.
    freeAt = Math.max(freeAt, now);
    const wait = freeAt - now;
    freeAt += (chunk.byteLength / bytesPerSecond) * 1000;
    if (wait > 1) await sleep(wait, undefined, { signal });
    return chunk;
  };
}
