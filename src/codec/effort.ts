import { createCipheriv } from 'node:crypto';

/** How much the source does to make the stream smaller. */
export interface Effort {
  /** Look for pages that need not be sent. */
  readonly findPages: boolean;
  /** zstd's level; undefined: whatever brings most, tried again and again. */
  readonly level: number | undefined;
}

/** Where encrypting is cheap, finding pages is the best bargain, and packing has to prove itself. */
export const FULL_EFFORT: Effort = { findPages: true, level: undefined };

/**
 * Where encrypting costs far more than packing, as without instructions for AES, what counts is to encrypt little. Then zstd finds zero pages
 * and neighbours' likeness in passing, at a tenth of what looking for pages costs until that code is compiled.
 */
export const FRUGAL_EFFORT: Effort = { findPages: false, level: 1 };

/** MiB/s: with instructions for AES it is thousands, without them on a fast processor some hundred. */
const SLOW_CIPHER = 100;
const SAMPLE_BYTES = 64 * 1024;
/** The best of so many: others may have the processor meanwhile. */
const SAMPLES = 3;

let measured: number | undefined;

/** What this processor encrypts with AES-128-GCM, in MiB/s. Measured once, in some ms at most. */
function cipherSpeed(): number {
  if (measured !== undefined) return measured;
  const sample = Buffer.alloc(SAMPLE_BYTES);
  let bestMs = Infinity;
  for (let round = 0; round < SAMPLES; round += 1) {
    const cipher = createCipheriv('aes-128-gcm', sample.subarray(0, 16), sample.subarray(0, 12));
    const since = performance.now();
    cipher.update(sample);
    bestMs = Math.min(bestMs, performance.now() - since);
  }
  measured = SAMPLE_BYTES / 1024 / 1024 / (Math.max(bestMs, 0.001) / 1000);
  return measured;
}

/** The effort that suits a processor. @param cipherMiBps what it encrypts in a second */
export function suitableEffort(cipherMiBps: number = cipherSpeed()): Effort {
  return cipherMiBps < SLOW_CIPHER ? FRUGAL_EFFORT : FULL_EFFORT;
}
