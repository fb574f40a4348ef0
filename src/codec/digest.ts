import { createCipheriv, createHash, type CipherGCM, type Hash } from 'node:crypto';
import { InvariantError } from '../errors/errors.js';
import { bestMs } from './best-ms.js';
import { hasXxHash, XxHash, type XxHashKind } from './xxhash.js';

/**
 * Digests of the raw stream. They have to find what codec, lanes or memory may have done to it by mistake:
 * against people there is TLS. XXH3, XXH64 and GMAC cost a fraction of SHA-256 (0.1, 0.1, 0.2 and 0.9 s per GB), and are keyed with what
 * the source draws for each migration, so that no guest can choose pages to suit them.
 */
export const DIGEST_ALGORITHMS = ['xxh3-128', 'xxh64', 'aes-gmac', 'sha256'] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** Bytes of the key; XXH3 and XXH64 take the first 8 as their seed, big-endian. */
export const DIGEST_KEY_BYTES = 16;

/** XXH3 has twice the bits. So much faster must XXH64 be to go before it: XXH3 lives on vector instructions, which an emulated processor pays dearly for. */
const MUCH_FASTER = 3;
const SAMPLE_BYTES = 64 * 1024;

let known: readonly DigestAlgorithm[] | undefined;

/** The digests that this host can take, best first. Measured once, in some ms at most. */
export function knownDigests(): readonly DigestAlgorithm[] {
  known ??= hasXxHash() ? [...xxHashesBestFirst(), 'aes-gmac', 'sha256'] : ['aes-gmac', 'sha256'];
  return known;
}

function xxHashesBestFirst(): readonly XxHashKind[] {
  return xxHashOrder(sampleMs('xxh3-128'), sampleMs('xxh64'));
}

/** @param xxh3Ms what XXH3 takes for something, and `xxh64Ms` what XXH64 takes for the same */
export function xxHashOrder(xxh3Ms: number, xxh64Ms: number): readonly XxHashKind[] {
  return xxh3Ms > MUCH_FASTER * xxh64Ms ? ['xxh64', 'xxh3-128'] : ['xxh3-128', 'xxh64'];
}

function sampleMs(kind: XxHashKind): number {
  const sample = Buffer.alloc(SAMPLE_BYTES);
  using run = XxHash.begin(kind, 0n);
  return bestMs(() => run?.update(sample));
}

export interface DigestChoice {
  readonly algorithm: DigestAlgorithm;
  readonly key: Buffer;
}

interface Running {
  update(bytes: Uint8Array): void;
  finish(): string;
}

function begin(choice: DigestChoice): Running {
  const { algorithm, key } = choice;
  if (algorithm === 'sha256') return new HashRun(createHash('sha256'));
  if (key.length !== DIGEST_KEY_BYTES) throw new InvariantError(`a digest key of ${key.length} bytes`);
  if (algorithm === 'aes-gmac') return new GmacRun(createCipheriv('aes-128-gcm', key, Buffer.alloc(12)));
  const run = XxHash.begin(algorithm, key.readBigUInt64BE(0));
  if (run === undefined) throw new InvariantError(`${algorithm} was agreed on where there is none`);
  return run;
}

class HashRun implements Running {
  constructor(private readonly hash: Hash) {}

  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
  }

  finish(): string {
    return this.hash.digest('hex');
  }
}

/** AES-GCM with nothing but additional data: the tag is GMAC (NIST SP 800-38D). The key is good for one stream. */
class GmacRun implements Running {
  constructor(private readonly cipher: CipherGCM) {}

  update(bytes: Uint8Array): void {
    this.cipher.setAAD(bytes);
  }

  finish(): string {
    this.cipher.final();
    return this.cipher.getAuthTag().toString('hex');
  }
}

/** The digest of the raw stream, taken on its way through; both ends must come to the same one. */
export class StreamDigester {
  readonly algorithm: DigestAlgorithm;
  readonly #run: Running;
  #bytes = 0;
  #spentMs = 0;
  #hex: string | undefined;

  constructor(choice: DigestChoice = { algorithm: 'sha256', key: Buffer.alloc(0) }) {
    this.algorithm = choice.algorithm;
    this.#run = begin(choice);
  }

  /** A stage: counts the chunk and lets it through. */
  readonly stage = (chunk: Uint8Array): Uint8Array => {
    const since = performance.now();
    this.#run.update(chunk);
    this.#bytes += chunk.byteLength;
    this.#spentMs += performance.now() - since;
    return chunk;
  };

  get bytes(): number {
    return this.#bytes;
  }

  /** Time that taking it has cost so far, in ms. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** The digest of all that came through, in hex. Nothing may come after. */
  digest(): string {
    this.#hex ??= this.#run.finish();
    return this.#hex;
  }
}
