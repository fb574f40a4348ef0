import { createCipheriv, createHash, type CipherGCM, type Hash } from 'node:crypto';
import { InvariantError } from '../errors/errors.js';
import { bestMs } from './best-ms.js';
import { hasXxHash, XxHash, type XxHashKind } from './xxhash.js';

/*
 * Digests of the stream. They find what codec, lanes, threads or memory have done to it by mistake; against people there is
 * TLS. XXH3, XXH64 and GMAC cost a fraction of SHA-256 and are keyed with what the source draws for each migration, so that
 * no guest can choose pages to suit them.
 */

/** Functions of bytes that the digests are made with. */
const HASHES = ['xxh3-128', 'xxh64', 'aes-gmac', 'sha256'] as const;
type HashName = (typeof HASHES)[number];

/** Digests that leave zero pages out (PROTOCOL.md, "The digest"), by their names in the messages. */
export const SPARSE_DIGESTS = ['sparse-xxh3-128', 'sparse-xxh64', 'sparse-aes-gmac', 'sparse-sha256'] as const;
export type SparseAlgorithm = (typeof SPARSE_DIGESTS)[number];

/** All digests; `sha256` is that of the raw stream, for a stream that comes as it is. */
export type DigestAlgorithm = 'sha256' | SparseAlgorithm;

/** Bytes of the key; XXH3 and XXH64 take the first 8 as their seed, big-endian. */
export const DIGEST_KEY_BYTES = 16;

/** XXH3 has twice the bits of XXH64, which goes first only where it is that much faster: XXH3 needs vector instructions, which an emulated processor is slow at. */
const MUCH_FASTER = 3;
const SAMPLE_BYTES = 64 * 1024;

let known: readonly SparseAlgorithm[] | undefined;

/** The digests that this host can take, best first. Measured once, in some ms at most. */
export function knownDigests(): readonly SparseAlgorithm[] {
  known ??= hashesBestFirst().map((hash) => `sparse-${hash}` as const);
  return known;
}

function hashesBestFirst(): readonly HashName[] {
  return hasXxHash()
    ? [...xxHashOrder(sampleMs('xxh3-128'), sampleMs('xxh64')), 'aes-gmac', 'sha256']
    : ['aes-gmac', 'sha256'];
}

/** @param xxh3Ms time of XXH3 for some data, and `xxh64Ms` that of XXH64 for the same */
export function xxHashOrder(xxh3Ms: number, xxh64Ms: number): readonly XxHashKind[] {
  return xxh3Ms > MUCH_FASTER * xxh64Ms ? ['xxh64', 'xxh3-128'] : ['xxh3-128', 'xxh64'];
}

function sampleMs(kind: XxHashKind): number {
  const sample = Buffer.alloc(SAMPLE_BYTES);
  using run = XxHash.begin(kind, 0n);
  return bestMs(() => run?.update(sample));
}

/** The agreed digest over both ends: its algorithm and, for a keyed one, its key. */
export interface DigestChoice {
  readonly algorithm: SparseAlgorithm;
  readonly key: Buffer;
}

/** A hash under way. `finish` gives it in hex; nothing may come after. */
export interface Running {
  update(bytes: Uint8Array): void;
  finish(): string;
}

function beginHash(hash: HashName, key: Buffer): Running {
  if (hash === 'sha256') return new HashRun(createHash('sha256'));
  if (key.length !== DIGEST_KEY_BYTES) throw new InvariantError(`a digest key of ${key.length} bytes`);
  if (hash === 'aes-gmac') return new GmacRun(createCipheriv('aes-128-gcm', key, Buffer.alloc(12)));
  const run = XxHash.begin(hash, key.readBigUInt64BE(0));
  if (run === undefined) throw new InvariantError(`${hash} was agreed on, but this host does not have it`);
  return run;
}

/** The hash that a sparse digest is made with. */
export function beginSparse({ algorithm, key }: DigestChoice): Running {
  const hash = HASHES.find((name) => algorithm === `sparse-${name}`);
  if (hash === undefined) throw new InvariantError(`no digest ${algorithm}`);
  return beginHash(hash, key);
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

/** AES-GCM with additional data only: the tag is GMAC (NIST SP 800-38D). The key is used for one stream. */
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

/** SHA-256 of a stream that goes as it is, taken on its way. */
export class StreamDigester {
  readonly algorithm = 'sha256' as const;
  readonly #run = new HashRun(createHash('sha256'));
  #bytes = 0;
  #spentMs = 0;
  #hex: string | undefined;

  /** A stage: counts the chunk and lets it through. */
  readonly stage = (chunk: Uint8Array): Uint8Array => {
    const since = performance.now();
    this.#run.update(chunk);
    this.#bytes += chunk.byteLength;
    this.#spentMs += performance.now() - since;
    return chunk;
  };

  get rawBytes(): number {
    return this.#bytes;
  }

  /** Time that taking it has cost so far, in ms. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** The digest of all bytes, in hex. No bytes may follow. */
  digest(): string {
    this.#hex ??= this.#run.finish();
    return this.#hex;
  }
}
