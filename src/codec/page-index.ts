import { PAGE_BYTES } from '../savestream/layout.js';

/** Twice the pages of the largest window, so that few push each other out. */
const SLOTS = 32 * 1024;
const SAMPLES = 16;
const SAMPLE_STEP = PAGE_BYTES / 4 / SAMPLES;

/**
 * Where a page was last seen in the raw stream, by its content and by its frame number. Bounded: a slot remembers the latest
 * page only. The content's hash takes a few words of the page and is no proof of anything: whoever asks compares the bytes, so
 * a guest that chooses its pages to collide costs itself savings and nobody else anything.
 */
export class PageIndex {
  readonly #byContent = new Float64Array(SLOTS).fill(-1);
  readonly #byFrame = new Float64Array(SLOTS).fill(-1);
  readonly #frames = new Float64Array(SLOTS).fill(-1);

  /** Offset of a page that may have this content, and which is remembered from now on instead; -1 where none is known. */
  swapContent(hash: number, offset: number): number {
    const slot = hash & (SLOTS - 1);
    const known = this.#byContent[slot];
    this.#byContent[slot] = offset;
    return known;
  }

  /** Offset of this frame's last page, and which is remembered from now on instead; -1 where none is known. */
  swapFrame(pfn: number, offset: number): number {
    const slot = pfn % SLOTS;
    const known = this.#frames[slot] === pfn ? this.#byFrame[slot] : -1;
    this.#frames[slot] = pfn;
    this.#byFrame[slot] = offset;
    return known;
  }
}

/** A hash of some words of the page that begins at a word; 0 for a page that is zero there, and for few others. */
export function sampleHash(words: Int32Array, at: number): number {
  let hash = 0;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    // Odd places in each stretch: the fronts of structures are often alike.
    hash = Math.imul(hash ^ words[at + sample * SAMPLE_STEP + ((sample * 37 + 5) & (SAMPLE_STEP - 1))], 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  return hash;
}
