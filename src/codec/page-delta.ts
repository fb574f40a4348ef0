import { PAGE_BYTES } from '../savestream/layout.js';

/*
 * Changes of a page since it was sent before, in words of four bytes: pairs of 16-bit big-endian numbers, how many
 * words are as before and how many are new, each followed by its new words.
 */

const WORD_BYTES = 4;
const PAGE_WORDS = PAGE_BYTES / WORD_BYTES;
const PAIR_BYTES = 4;
/** A page that has changed more than this is sent as it is: packing makes more of it. */
export const MAX_DELTA_BYTES = 1024;
/** A run continues over this many equal words: a pair costs as much as a word. */
const JOIN_WORDS = 1;

/**
 * Writes the delta from the page at word `was` of `before` to the one at word `is` of `after`.
 * @param before words in the machine's own order; the same for `after`
 * @param bytes the same memory as `after`, for copying from
 * @returns bytes written to `into`, never more than MAX_DELTA_BYTES; undefined if that is not enough
 */
export function encodeDelta(
  before: Int32Array,
  was: number,
  after: Int32Array,
  is: number,
  bytes: Buffer,
  into: Buffer,
  intoAt: number,
): number | undefined {
  let length = 0;
  let done = 0;
  for (let word = 0; word < PAGE_WORDS; word += 1) {
    if (before[was + word] === after[is + word]) continue;
    let last = word;
    for (let next = word + 1; next < PAGE_WORDS && next - last <= JOIN_WORDS + 1; next += 1) {
      if (before[was + next] !== after[is + next]) last = next;
    }
    const count = last - word + 1;
    if (length + PAIR_BYTES + count * WORD_BYTES > MAX_DELTA_BYTES) return undefined;
    into.writeUInt16BE(word - done, intoAt + length);
    into.writeUInt16BE(count, intoAt + length + 2);
    const from = (is + word) * WORD_BYTES;
    bytes.copy(into, intoAt + length + PAIR_BYTES, from, from + count * WORD_BYTES);
    length += PAIR_BYTES + count * WORD_BYTES;
    done = last + 1;
    word = last;
  }
  return length;
}

/** Applies a delta to a page. False if the delta is invalid. */
export function applyDelta(page: Buffer, delta: Buffer): boolean {
  let at = 0;
  let to = 0;
  while (at < delta.length) {
    if (at + PAIR_BYTES > delta.length) return false;
    to += delta.readUInt16BE(at) * WORD_BYTES;
    const count = delta.readUInt16BE(at + 2) * WORD_BYTES;
    at += PAIR_BYTES;
    if (count === 0 || at + count > delta.length || to + count > PAGE_BYTES) return false;
    delta.copy(page, to, at, at + count);
    at += count;
    to += count;
  }
  return true;
}
