import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** The digest of the raw stream, taken on its way through; both ends must come to the same one. */
export class StreamDigester {
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #hex: string | undefined;

  /** A stage: counts the chunk and lets it through. */
  readonly stage = (chunk: Uint8Array): Uint8Array => {
    this.#hash.update(chunk);
    this.#bytes += chunk.byteLength;
    return chunk;
  };

  get bytes(): number {
    return this.#bytes;
  }

  /** The digest of all that came through, in hex. Nothing may come after. */
  digest(): string {
    this.#hex ??= this.#hash.digest('hex');
    return this.#hex;
  }
}

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
