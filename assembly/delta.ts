/* What has changed in a page: `encodeDelta` of src/codec/page-delta.ts, which has the format. */

import { PAGE_BYTES } from './page';

const WORD_BYTES: usize = 4;
const PAIR_BYTES: usize = 4;
export const MAX_DELTA_BYTES: usize = 1024;
/** A run goes on over so many words that are equal: a pair costs as much as a word. */
const JOIN_WORDS: usize = 1;
/** Returned where a page has changed too much. */
export const NO_DELTA: u32 = u32.MAX_VALUE;

/** The first word from `word` on that differs; PAGE_BYTES / 4 where none does. */
function nextDifference(before: usize, after: usize, from: usize): usize {
  let at = from * WORD_BYTES;
  while (at < PAGE_BYTES) {
    if (at % 16 == 0 && !v128.any_true(v128.xor(v128.load(before + at), v128.load(after + at)))) {
      at += 16;
      continue;
    }
    if (load<u32>(before + at) != load<u32>(after + at)) break;
    at += WORD_BYTES;
  }
  return at / WORD_BYTES;
}

/** Writes what turns the page at `before` into the one at `after`, MAX_DELTA_BYTES at most. Returns its bytes, or NO_DELTA. */
export function encodeDelta(before: usize, after: usize, into: usize): u32 {
  let length: usize = 0;
  let done: usize = 0;
  let word = nextDifference(before, after, 0);
  while (word < PAGE_BYTES / WORD_BYTES) {
    let last = word;
    let next = nextDifference(before, after, word + 1);
    while (next < PAGE_BYTES / WORD_BYTES && next - last <= JOIN_WORDS + 1) {
      last = next;
      next = nextDifference(before, after, next + 1);
    }
    const bytes = (last - word + 1) * WORD_BYTES;
    if (length + PAIR_BYTES + bytes > MAX_DELTA_BYTES) return NO_DELTA;
    const pair = into + length;
    store<u16>(pair, bswap(<u16>(word - done)));
    store<u16>(pair + 2, bswap(<u16>(bytes / WORD_BYTES)));
    memory.copy(pair + PAIR_BYTES, after + word * WORD_BYTES, bytes);
    length += PAIR_BYTES + bytes;
    done = last + 1;
    word = next;
  }
  return <u32>length;
}
