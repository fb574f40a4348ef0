import { createCipheriv } from 'node:crypto';
import { bestMs } from './best-ms.js';

/** How much the source does to make the stream smaller. */
export interface EncoderProfile {
  /** Look for pages that need not be sent. */
  readonly findPages: boolean;
  /** zstd's level; undefined: whatever brings most, tried again and again. */
  readonly level: number | undefined;
}

/** Where encrypting is cheap, finding pages is the best bargain, and packing has to prove itself. */
export const FULL_PROFILE: EncoderProfile = { findPages: true, level: undefined };

/**
 * Where encrypting costs far more than packing, as without instructions for AES, what counts is to encrypt little. Then zstd finds zero pages
 * and neighbours' likeness in passing, at a tenth of what looking for pages costs until that code is compiled.
 */
export const FRUGAL_PROFILE: EncoderProfile = { findPages: false, level: 1 };

/** MiB/s: with instructions for AES it is thousands, without them on a fast processor some hundred. */
const SLOW_CIPHER = 100;
const SAMPLE_BYTES = 64 * 1024;

let measured: number | undefined;

/** What this processor encrypts with AES-128-GCM, in MiB/s. Measured once, in some ms at most. */
function cipherSpeed(): number {
  if (measured !== undefined) return measured;
  const sample = Buffer.alloc(SAMPLE_BYTES);
  const ms = bestMs(() => {
    createCipheriv('aes-128-gcm', sample.subarray(0, 16), sample.subarray(0, 12)).update(sample);
  });
  measured = SAMPLE_BYTES / 1024 / 1024 / (ms / 1000);
  return measured;
}

/** The profile that suits a processor. @param cipherMiBps what it encrypts in a second */
export function suitableProfile(cipherMiBps: number = cipherSpeed()): EncoderProfile {
  return cipherMiBps < SLOW_CIPHER ? FRUGAL_PROFILE : FULL_PROFILE;
}
