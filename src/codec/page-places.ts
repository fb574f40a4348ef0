import { PAGE_BYTES } from '../savestream/layout.js';

/** Twice the pages of the most slots, so that few push each other out. */
const ENTRIES = 32 * 1024;
const SAMPLES = 16;
const SAMPLE_STEP = PAGE_BYTES / 4 / SAMPLES;

/** Where a page lies: its batch's number + 1, above 16 bits for its number in the batch. */
export type PagePlace = number;
export const NO_PLACE: PagePlace = 0;

const PAGE_NUMBERS = 0x1_0000;

/** The place of a page. @param batch from 0; @param page its number in the batch, below 65536 */
export function placeOf(batch: number, page: number): PagePlace {
  return (batch + 1) * PAGE_NUMBERS + page;
}

/** The number of the place's batch. */
export function batchOf(place: PagePlace): number {
  return Math.floor(place / PAGE_NUMBERS) - 1;
}

/** The page's number in its batch. */
export function pageOf(place: PagePlace): number {
  return place % PAGE_NUMBERS;
}

/**
 * Where a page was last laid out, by its content and by its frame number. Bounded: an entry remembers the latest
 * page only. The content's hash takes a few words of the page and is no proof of anything: the encoder compares the bytes, so
 * a guest that chooses its pages to collide costs itself savings and no other guest anything.
 */
export class PagePlaces {
  readonly #byContent = new Float64Array(ENTRIES);
  readonly #byFrame = new Float64Array(ENTRIES);
  readonly #frames = new Float64Array(ENTRIES).fill(-1);

  /** Where a page lies that may have this content. */
  content(hash: number): PagePlace {
    return this.#byContent[hash & (ENTRIES - 1)];
  }

  setContent(hash: number, place: PagePlace): void {
    this.#byContent[hash & (ENTRIES - 1)] = place;
  }

  /** Where this frame's last page lies. */
  frame(pfn: number): PagePlace {
    const entry = pfn % ENTRIES;
    return this.#frames[entry] === pfn ? this.#byFrame[entry] : NO_PLACE;
  }

  setFrame(pfn: number, place: PagePlace): void {
    const entry = pfn % ENTRIES;
    this.#frames[entry] = pfn;
    this.#byFrame[entry] = place;
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
