import { PAGE_BYTES } from './layout.js';

const WORDS = PAGE_BYTES / 4;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/**
 * A 64-bit fingerprint of a page's content, for statistics: fast and not cryptographic, so a page can be
 * crafted to match another. The two halves feed each other: for given contents before it, each
 * pair of words leads to a different state, so pages that differ in one place never match by chance.
 */
export class PageFingerprint {
  readonly #words = new Int32Array(WORDS);
  readonly #bytes = Buffer.from(this.#words.buffer);
  high = 0;
  low = 0;

  /** Fills `high` and `low`, or returns false for a page of zeros. */
  take(page: Uint8Array): boolean {
    if (Buffer.compare(page, ZERO_PAGE) === 0) return false;
    // A view into a chunk may begin at any byte; words need their own alignment.
    this.#bytes.set(page);
    const words = this.#words;
    let a = 0x2545_f491;
    let b = 0x6c62_272e;
    for (let index = 0; index < WORDS; index += 2) {
      a = Math.imul(a ^ words[index], 0xcc9e_2d51);
      a = (((a << 13) | (a >>> 19)) + b) | 0;
      b = Math.imul(b ^ words[index + 1], 0x1b87_3593);
      b = ((b << 17) | (b >>> 15)) ^ a;
    }
    this.high = spread(a ^ b);
    this.low = spread(b);
    return true;
  }
}

/** Every bit of the result depends on every bit of the value, and no two values give the same. */
function spread(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
