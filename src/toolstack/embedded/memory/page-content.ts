import { crc32 } from 'node:zlib';
import { PageKind, type FramePlan } from './frame-plan.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';
import { mix } from './hash.js';

/*
 * A tagged page: eight words of tag (magic, frame, version, seed, then zero), filler, and in its last
 * word the CRC-32 of all before it. So a misplaced page, an older copy and a
 * changed byte are each detected without generating the right page again.
 */
const WORDS = PAGE_BYTES / 4;
const TAG_MAGIC = 0x47504658; // "XFPG" in memory
const TAG_WORDS = 8;
const CRC_WORD = WORDS - 1;
const CRC_BYTES = PAGE_BYTES - 4;

/** Number of pages of which the duplicate pages are copies. */
const TEMPLATES = 16;

const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

let templates: readonly Buffer[] | undefined;

function templateOf(pfn: number, seed: number): Buffer {
  templates ??= Array.from({ length: TEMPLATES }, (_, index) => {
    const words = new Uint32Array(WORDS);
    fillCompressible(words, 0, WORDS, mix(index, 0, 2));
    return Buffer.from(words.buffer);
  });
  return templates[mix(seed, pfn, 3) % TEMPLATES];
}

/** Looks random to every compressor: a xorshift generator. */
function fillRandom(words: Uint32Array, from: number, end: number, start: number): void {
  let x = start | 1;
  for (let at = from; at < end; at += 1) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[at] = x;
  }
}

/** Words of a slowly changing record with one new word in eight: zstd -1 makes about a third of it. */
function fillCompressible(words: Uint32Array, from: number, end: number, start: number): void {
  let x = start | 1;
  const steady = mix(start, 1, 4);
  for (let at = from; at < end; at += 1) {
    if ((at & 3) === 0) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[at] = x;
    } else {
      words[at] = steady + (at & 3);
    }
  }
}

/** Pages of a guest, made and checked. Holds a page's worth of memory; not to be shared between guests. */
export class PageContent {
  readonly #plan: FramePlan;

  constructor(plan: FramePlan) {
    this.#plan = plan;
  }

  /** True if a page that was not written since boot needs no space on disk. */
  isZero(pfn: number, version: number): boolean {
    return version === 0 && this.#plan.kindOf(pfn) === PageKind.Zero;
  }

  /**
   * The content of a frame at a version: 0 is its content at boot, others are the tick that wrote it.
   * @param page exactly one page, at an offset divisible by 4
   */
  fill(page: Buffer, pfn: number, version: number): void {
    const { seed } = this.#plan.shape;
    const kind = this.#plan.kindOf(pfn);
    if (version === 0 && kind === PageKind.Zero) {
      page.fill(0);
      return;
    }
    if (version === 0 && kind === PageKind.Duplicate) {
      templateOf(pfn, seed).copy(page);
      return;
    }
    const words = new Uint32Array(page.buffer, page.byteOffset, WORDS);
    words.fill(0, 0, TAG_WORDS);
    words[0] = TAG_MAGIC;
    words[1] = pfn;
    words[2] = version;
    words[3] = seed;
    const start = mix(seed, pfn, version);
    if (kind === PageKind.Random) fillRandom(words, TAG_WORDS, CRC_WORD, start);
    else fillCompressible(words, TAG_WORDS, CRC_WORD, start);
    words[CRC_WORD] = crc32(page.subarray(0, CRC_BYTES));
  }

  /** Whether a page has the content of the frame at the version. */
  isRight(page: Buffer, pfn: number, version: number): boolean {
    const { seed } = this.#plan.shape;
    if (version === 0) {
      const kind = this.#plan.kindOf(pfn);
      if (kind === PageKind.Zero) return page.equals(ZERO_PAGE);
      if (kind === PageKind.Duplicate) return page.equals(templateOf(pfn, seed));
    }
    return (
      page.readUInt32LE(0) === TAG_MAGIC &&
      page.readUInt32LE(4) === pfn &&
      page.readUInt32LE(8) === version &&
      page.readUInt32LE(12) === seed &&
      page.readUInt32LE(CRC_BYTES) === crc32(page.subarray(0, CRC_BYTES))
    );
  }
}
