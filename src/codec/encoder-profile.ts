import { createCipheriv } from 'node:crypto';
import { bestMs } from './best-ms.js';

/** How much the source does to make the stream smaller. */
export interface EncoderProfile {
  /** Look for pages that need not be sent. */
  readonly findPages: boolean;
  /** zstd's level; undefined: the best one, by repeated trials. */
  readonly level: number | undefined;
}

/** If encryption is cheap, finding pages saves most, and packing has to prove its use. */
export const FULL_PROFILE: EncoderProfile = { findPages: true, level: undefined };

/**
 * If encryption costs far more than packing, as without instructions for AES, it pays to encrypt little. Then zstd finds zero pages
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

/** The profile that suits a processor. @param cipherMiBps its rate of encryption in MiB/s */
export function suitableProfile(cipherMiBps: number = cipherSpeed()): EncoderProfile {
  return cipherMiBps < SLOW_CIPHER ? FRUGAL_PROFILE : FULL_PROFILE;
}
