/* What is asked of the bytes of a page, 16 bytes at a time. Pages may begin at any address. */

export const PAGE_BYTES: usize = 4096;
const STEP: usize = 128;

/** Whether all 4096 bytes are zero. */
export function isZero(page: usize): bool {
  for (let at = page; at < page + PAGE_BYTES; at += STEP) {
    const low = v128.or(v128.or(v128.load(at), v128.load(at, 16)), v128.or(v128.load(at, 32), v128.load(at, 48)));
    const high = v128.or(v128.or(v128.load(at, 64), v128.load(at, 80)), v128.or(v128.load(at, 96), v128.load(at, 112)));
    if (v128.any_true(v128.or(low, high))) return false;
  }
  return true;
}

function difference(one: usize, other: usize): v128 {
  const first = v128.xor(v128.load(one), v128.load(other));
  const second = v128.xor(v128.load(one, 16), v128.load(other, 16));
  return v128.or(first, second);
}

/** Whether two pages have the same content. */
export function isSame(one: usize, other: usize): bool {
  for (let at: usize = 0; at < PAGE_BYTES; at += STEP) {
    const low = v128.or(difference(one + at, other + at), difference(one + at + 32, other + at + 32));
    const high = v128.or(difference(one + at + 64, other + at + 64), difference(one + at + 96, other + at + 96));
    if (v128.any_true(v128.or(low, high))) return false;
  }
  return true;
}

/** Offset of sample `n`: an odd place in the n-th sixteenth of the page, since the fronts of structures are often alike. */
function mix(hash: u32, page: usize, sample: usize): u32 {
  const mixed = (hash ^ load<u32>(page + sample * 256 + (((sample * 37 + 5) & 63) << 2))) * 0x9e37_79b1;
  return mixed ^ (mixed >> 15);
}

/** A hash of 16 words of the page; 0 for a page that is zero there, and for few others. `sampleHash` of src/codec/page-index.ts. */
export function sampleHash(page: usize): u32 {
  let hash = mix(0, page, 0);
  hash = mix(hash, page, 1);
  hash = mix(hash, page, 2);
  hash = mix(hash, page, 3);
  hash = mix(hash, page, 4);
  hash = mix(hash, page, 5);
  hash = mix(hash, page, 6);
  hash = mix(hash, page, 7);
  hash = mix(hash, page, 8);
  hash = mix(hash, page, 9);
  hash = mix(hash, page, 10);
  hash = mix(hash, page, 11);
  hash = mix(hash, page, 12);
  hash = mix(hash, page, 13);
  hash = mix(hash, page, 14);
  return mix(hash, page, 15);
}
