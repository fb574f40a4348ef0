/*
 * Finds the pages in a save stream: `PageScanner` of src/codec/page-scanner.ts, which has the reasons. It judges nothing: what it does
 * not understand it passes over, and in a stream that makes no sense to it, it expects no pages any more. The names and
 * numbers are those of src/savestream/layout.ts.
 */

const LIBXL_HEADER_BYTES: u32 = 16;
/** "LibxlFmt" in ASCII, big-endian on the wire. */
const LIBXL_IDENT: u64 = 0x4c69_6278_6c46_6d74;
const LIBXL_VERSION: u32 = 2;
const LIBXL_OPT_BIG_ENDIAN: u32 = 1;
const IMAGE_AND_DOMAIN_HEADER_BYTES: u32 = 24 + 16;
const RECORD_HEADER_BYTES: u32 = 8;
const PAGE_DATA_COUNT_BYTES: u32 = 8;
const PAGE_ENTRY_BYTES: u32 = 8;
const MAX_PAGE_ENTRIES: u32 = 1024;
const SCANNED_PAGE_BYTES: u32 = 4096;
/** XEN_DOMCTL_PFINFO_BROKEN: this type and those above it have no content in the record. */
const FIRST_TYPE_WITHOUT_DATA: u32 = 0xd;

const LIBXL_END: u32 = 0x00;
const LIBXL_LIBXC_CONTEXT: u32 = 0x01;
const LIBXL_CHECKPOINT_END: u32 = 0x04;
const LIBXC_END: u32 = 0x00;
const LIBXC_PAGE_DATA: u32 = 0x01;
const LIBXC_CHECKPOINT: u32 = 0x0e;

const enum State {
  LIBXL_HEADER,
  IMAGE_HEADERS,
  RECORD,
  PAGE_COUNT,
  PAGE_ENTRIES,
  PAGES,
  SKIP,
  OPAQUE,
}

/** Memory for the fields that are gathered: the entries of a record at most. */
export const SCANNER_BYTES: usize = 8192;

let gather: usize = 0;

let state: State = State.LIBXL_HEADER;
/** Bytes that the state wants. */
let want: u32 = LIBXL_HEADER_BYTES;
/** Bytes of a body and its padding that are left to pass over. */
let toSkip: u64 = 0;
let gathered: u32 = 0;
let inLibxc: bool = false;
let pages: u32 = 0;
let next: u32 = 0;
let recordBytes: u32 = 0;
let anyTaken: bool = false;

/** @param at SCANNER_BYTES of memory */
export function resetScanner(at: usize): void {
  gather = at;
  state = State.LIBXL_HEADER;
  want = LIBXL_HEADER_BYTES;
  gathered = 0;
  inLibxc = false;
  pages = 0;
  next = 0;
  anyTaken = false;
}

/** True where the next byte is the first of a page. */
export function atPage(): bool {
  return state == State.PAGES;
}

/** True where a stream has ended with its END record and nothing came after it. */
export function atStreamEnd(): bool {
  return state == State.LIBXL_HEADER && gathered == 0 && anyTaken;
}

/** The frame number of the page that begins here. */
export function currentFrame(): u64 {
  return load<u64>(gather + ((<usize>next) << 3));
}

/** Takes the page that begins here as read. */
export function takePage(): void {
  toPage(next + 1);
}

/** Takes bytes until a page begins or there are no more; returns the address after the last that it took. */
export function scan(from: usize, end: usize): usize {
  let at = from;
  anyTaken = anyTaken || end > from;
  while (at < end && state != State.PAGES) {
    if (state == State.OPAQUE) return end;
    if (state == State.SKIP) {
      const skipped = min(toSkip, <u64>(end - at));
      at += <usize>skipped;
      toSkip -= skipped;
      if (toSkip == 0) toRecord();
      continue;
    }
    const count = min(want - gathered, <u32>(end - at));
    memory.copy(gather + gathered, at, count);
    gathered += count;
    at += count;
    if (gathered == want) {
      gathered = 0;
      fields();
    }
  }
  return at;
}

function to(following: State, bytes: u32): void {
  state = following;
  want = bytes;
}

function toRecord(): void {
  to(State.RECORD, RECORD_HEADER_BYTES);
}

function fields(): void {
  switch (state) {
    case State.LIBXL_HEADER: {
      const known =
        bswap(load<u64>(gather)) == LIBXL_IDENT &&
        bswap(load<u32>(gather, 8)) == LIBXL_VERSION &&
        (bswap(load<u32>(gather, 12)) & LIBXL_OPT_BIG_ENDIAN) == 0;
      inLibxc = false;
      to(known ? State.RECORD : State.OPAQUE, RECORD_HEADER_BYTES);
      break;
    }
    case State.IMAGE_HEADERS:
      toRecord();
      break;
    case State.RECORD:
      record(load<u32>(gather), load<u32>(gather, 4));
      break;
    case State.PAGE_COUNT: {
      const count = load<u32>(gather);
      const fits = count > 0 && count <= MAX_PAGE_ENTRIES;
      to(fits ? State.PAGE_ENTRIES : State.OPAQUE, PAGE_ENTRY_BYTES * count);
      break;
    }
    case State.PAGE_ENTRIES:
      entries(want / PAGE_ENTRY_BYTES);
      break;
    default:
      break;
  }
}

function record(type: u32, length: u32): void {
  if (inLibxc) {
    if (type == LIBXC_PAGE_DATA) {
      recordBytes = length;
      to(State.PAGE_COUNT, PAGE_DATA_COUNT_BYTES);
      return;
    }
    if (type == LIBXC_END || type == LIBXC_CHECKPOINT) inLibxc = false;
  } else if (type == LIBXL_LIBXC_CONTEXT) {
    inLibxc = true;
    to(State.IMAGE_HEADERS, IMAGE_AND_DOMAIN_HEADER_BYTES);
    return;
  } else if (type == LIBXL_CHECKPOINT_END) {
    inLibxc = true;
  } else if (type == LIBXL_END) {
    to(State.LIBXL_HEADER, LIBXL_HEADER_BYTES);
    return;
  }
  skip(length);
}

/** Passes over a body and its padding. */
function skip(length: u32): void {
  toSkip = (<u64>length + 7) & ~7;
  if (toSkip == 0) toRecord();
  else state = State.SKIP;
}

/** Keeps the frame numbers of the pages that have content, in their order, where the entries were. */
function entries(count: u32): void {
  let found: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const entry = load<u64>(gather + ((<usize>index) << 3));
    if (<u32>(entry >> 60) >= FIRST_TYPE_WITHOUT_DATA) continue;
    store<u64>(gather + ((<usize>found) << 3), entry & 0x000f_ffff_ffff_ffff);
    found++;
  }
  pages = found;
  const expected = PAGE_DATA_COUNT_BYTES + PAGE_ENTRY_BYTES * count + SCANNED_PAGE_BYTES * found;
  // The far end's restore says what is wrong with it.
  if (recordBytes != expected) to(State.OPAQUE, RECORD_HEADER_BYTES);
  else toPage(0);
}

function toPage(index: u32): void {
  next = index;
  if (index < pages) to(State.PAGES, SCANNED_PAGE_BYTES);
  else toRecord();
}
