/* Where pages were last laid out, by content and by frame number: `PagePlaces` of src/codec/page-places.ts. */

const ENTRIES: u32 = 32 * 1024;
const FRAME_ENTRY_BYTES: usize = 16;

export const PLACES_BYTES: usize = <usize>ENTRIES * (8 + FRAME_ENTRY_BYTES);

/** A batch's number + 1, above 16 bits for the page's number in it. */
export const NO_PLACE: u64 = 0;

let contents: usize = 0;
let frames: usize = 0;

/** @param at PLACES_BYTES of memory for the entries */
export function resetPlaces(at: usize): void {
  contents = at;
  frames = at + ENTRIES * 8;
  memory.fill(at, 0, PLACES_BYTES);
}

export function placeOf(batch: u32, page: u32): u64 {
  return ((<u64>batch + 1) << 16) + page;
}

export function batchOf(place: u64): u32 {
  return <u32>((place >> 16) - 1);
}

export function pageOf(place: u64): u32 {
  return <u32>(place & 0xffff);
}

function contentEntry(hash: u32): usize {
  return contents + ((<usize>(hash & (ENTRIES - 1))) << 3);
}

export function contentPlace(hash: u32): u64 {
  return load<u64>(contentEntry(hash));
}

export function setContentPlace(hash: u32, place: u64): void {
  store<u64>(contentEntry(hash), place);
}

function frameEntry(pfn: u64): usize {
  return frames + <usize>(pfn & (ENTRIES - 1)) * FRAME_ENTRY_BYTES;
}

export function framePlace(pfn: u64): u64 {
  const entry = frameEntry(pfn);
  // An entry of zeroes is none, also for frame 0: its place is NO_PLACE.
  return load<u64>(entry) == pfn ? load<u64>(entry, 8) : NO_PLACE;
}

export function setFramePlace(pfn: u64, place: u64): void {
  const entry = frameEntry(pfn);
  store<u64>(entry, pfn);
  store<u64>(entry, place, 8);
}
