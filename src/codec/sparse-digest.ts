import { createHash } from 'node:crypto';
import { PAGE_BYTES } from '../savestream/layout.js';
import { beginSparse, type DigestChoice, type Running, type SparseAlgorithm } from './digest.js';

/** Bytes of one run in the list of zero runs: offset and pages, 64 bits each. */
const RUN_BYTES = 16;
const LIST_BYTES = 4096;

/**
 * The digest of a stream whose zero pages are named apart: of the bytes outside them, in order, and of the list of the runs
 * of zero pages. The stream can be rebuilt from both, so they determine it. The two ends come to the same digest however
 * the bytes and pages are cut into calls.
 */
export class SparseDigester {
  readonly algorithm: SparseAlgorithm;
  readonly #run: Running;
  readonly #list = createHash('sha256');
  readonly #listed = Buffer.alloc(LIST_BYTES);
  #listedBytes = 0;
  #rawBytes = 0;
  #runAt = 0;
  #runPages = 0;
  #spentMs = 0;
  #hex: string | undefined;

  constructor(choice: DigestChoice) {
    this.algorithm = choice.algorithm;
    this.#run = beginSparse(choice);
  }

  /** Bytes of the raw stream so far, zero pages included. */
  get rawBytes(): number {
    return this.#rawBytes;
  }

  /** Time that taking it has cost so far, in ms. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** The next bytes of the stream, where they lie. */
  literal(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const since = performance.now();
    this.#closeRun();
    this.#run.update(bytes);
    this.#rawBytes += bytes.length;
    this.#spentMs += performance.now() - since;
  }

  /** So many pages of 4096 zero bytes are next. The caller vouches that they are zero. */
  zeros(pages: number): void {
    if (this.#runPages === 0) this.#runAt = this.#rawBytes;
    this.#runPages += pages;
    this.#rawBytes += pages * PAGE_BYTES;
  }

  /** The digest of all of it, in hex. Nothing may come after. */
  digest(): string {
    this.#hex ??= this.#finish();
    return this.#hex;
  }

  #closeRun(): void {
    if (this.#runPages === 0) return;
    if (this.#listedBytes === LIST_BYTES) this.#flushList();
    this.#listed.writeBigUInt64BE(BigInt(this.#runAt), this.#listedBytes);
    this.#listed.writeBigUInt64BE(BigInt(this.#runPages), this.#listedBytes + 8);
    this.#listedBytes += RUN_BYTES;
    this.#runPages = 0;
  }

  #flushList(): void {
    this.#list.update(this.#listed.subarray(0, this.#listedBytes));
    this.#listedBytes = 0;
  }

  #finish(): string {
    this.#closeRun();
    this.#flushList();
    const total = Buffer.alloc(8);
    total.writeBigUInt64BE(BigInt(this.#rawBytes));
    this.#run.update(this.#list.update(total).digest());
    return this.#run.finish();
  }
}
