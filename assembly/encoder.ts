/*
 * The encoder: `PageBatchEncoder` of src/codec/page-batch-encoder.ts, which has the rules, and makes the same batches. What is exported here
 * is called by src/codec/wasm-batch-encoder.ts.
 */

import {
  addDeltaResult,
  addOp,
  addPage,
  batchRawBytes,
  beginBatch,
  bytesRoom,
  commitBytes,
  extendOp,
  finishBatch,
  fits,
  GATHER_BYTES,
  goesOn,
  nextBytesAt,
  OP_BYTES,
  OP_BYTES_CODE,
  OP_COPY_CODE,
  OP_DELTA_CODE,
  OP_PAGES_CODE,
  OP_ZERO_CODE,
  pageInSlot,
  resetBatch,
} from './batch';
import { encodeDelta, NO_DELTA } from './delta';
import { isSame, isZero, PAGE_BYTES, sampleHash } from './page';
import {
  batchOf,
  contentPlace,
  framePlace,
  NO_PLACE,
  pageOf,
  placeOf,
  PLACES_BYTES,
  resetPlaces,
  setContentPlace,
  setFramePlace,
} from './places';
import { atPage, currentFrame, atStreamEnd, resetScanner, scan, SCANNER_BYTES, takePage } from './scanner';

/** Batches of which the slot is known: more than may be referred to. */
const SLOTS_KNOWN: u32 = 64;
/** Zero runs of one call of `encode`: its bytes are 1 MiB at most, and runs do not touch. */
const MAX_ZERO_RUNS: u32 = 256;
const PAGE: u32 = 4096;

/** Result of an addition that the batch has no room for. */
const FULL: u32 = u32.MAX_VALUE;

let slots: usize = 0;
let zeroRuns: usize = 0;
let zeroRunCount: u32 = 0;
let references: u32 = 0;
let findPages: bool = true;
let number: u32 = 0;
let full: bool = false;

let rawTotal: u64 = 0;
let zeroTotal: u64 = 0;
let copiedTotal: u64 = 0;
let deltaTotal: u64 = 0;
let deltaWireTotal: u64 = 0;
let dataTotal: u64 = 0;

/** Bytes of memory that `init` needs. */
export function workBytes(): usize {
  return PLACES_BYTES + GATHER_BYTES + SCANNER_BYTES + <usize>SLOTS_KNOWN * sizeof<usize>() + <usize>MAX_ZERO_RUNS * 8;
}

/** Begins a stream. @param work a multiple of 16 */
export function init(work: usize, referencesWanted: u32, findPagesWanted: bool): void {
  references = referencesWanted;
  findPages = findPagesWanted;
  number = 0;
  full = false;
  rawTotal = 0;
  zeroTotal = 0;
  copiedTotal = 0;
  deltaTotal = 0;
  deltaWireTotal = 0;
  dataTotal = 0;
  zeroRunCount = 0;
  let at = work;
  resetScanner(at);
  at += SCANNER_BYTES;
  zeroRuns = at;
  at += <usize>MAX_ZERO_RUNS * 8;
  slots = at;
  at += <usize>SLOTS_KNOWN * sizeof<usize>();
  resetPlaces(at);
  at += PLACES_BYTES;
  resetBatch(at);
}

export function begin(slotAt: usize): void {
  store<usize>(slotEntry(number), slotAt);
  beginBatch(slotAt);
  full = false;
}

export function isFull(): bool {
  return full;
}

export function rawBytes(): u32 {
  return batchRawBytes();
}

export function atEnd(): bool {
  return atStreamEnd();
}

export function zeroRunsAt(): usize {
  return zeroRuns;
}

export function zeroRunsFound(): u32 {
  return zeroRunCount;
}

/** What became of the stream so far, in the order of `EncoderCounts`. */
export function count(which: u32): f64 {
  switch (which) {
    case 0:
      return <f64>rawTotal;
    case 1:
      return <f64>zeroTotal;
    case 2:
      return <f64>copiedTotal;
    case 3:
      return <f64>deltaTotal;
    case 4:
      return <f64>deltaWireTotal;
    default:
      return <f64>dataTotal;
  }
}

/** @param to at most 1 MiB after `from` */
export function encode(from: usize, to: usize): u32 {
  zeroRunCount = 0;
  full = false;
  let at = from;
  while (at < to && !full) {
    if (!findPages) at += addBytes(at, to);
    else if (!atPage()) at += addFields(at, to);
    else if (to - at < PAGE_BYTES) break;
    else if (addOnePage(at)) {
      takePage();
      at += PAGE_BYTES;
    } else full = true;
  }
  return <u32>(at - from);
}

export function encodePart(from: usize, to: usize): u32 {
  zeroRunCount = 0;
  full = false;
  return <u32>addBytes(from, to);
}

export function finish(): u32 {
  if (batchRawBytes() == 0) return 0;
  rawTotal += batchRawBytes();
  number++;
  const length = finishBatch();
  beginBatch(0);
  return length;
}

function slotEntry(batch: u32): usize {
  return slots + <usize>(batch % SLOTS_KNOWN) * sizeof<usize>();
}

function addFields(from: usize, to: usize): usize {
  const room = bytesRoom();
  if (room == 0) {
    full = true;
    return 0;
  }
  return addBytes(from, scan(from, min(to, from + room)));
}

function addBytes(from: usize, to: usize): usize {
  const room = bytesRoom();
  if (room == 0) {
    full = true;
    return 0;
  }
  const added = min(<u32>(to - from), room);
  memory.copy(nextBytesAt(), from, added);
  commitBytes(added);
  if (goesOn(OP_BYTES_CODE, 0)) extendOp(0, added, added);
  else addOp(OP_BYTES_CODE, 0, added, added);
  dataTotal += added;
  return added;
}

/** False where the batch is full: nothing has changed then. */
function addOnePage(at: usize): bool {
  const hash = sampleHash(at);
  if (hash == 0 && isZero(at)) return addZero(at);
  const pfn = currentFrame();
  const alike = contentPlace(hash);
  if (reaches(alike) && isSame(addressOf(alike), at)) {
    if (!addCopy(nameOf(alike))) return false;
    setFramePlace(pfn, alike);
    return true;
  }
  const before = framePlace(pfn);
  let page: u32 = NO_DELTA;
  let bytes: u32 = NO_DELTA;
  if (reaches(before)) bytes = encodeDelta(addressOf(before), at, nextBytesAt());
  if (bytes == NO_DELTA) page = addLiteral(at);
  else page = addDelta(nameOf(before), bytes, at);
  if (page == FULL) return false;
  const place = placeOf(number, page);
  setContentPlace(hash, place);
  setFramePlace(pfn, place);
  return true;
}

function reaches(place: u64): bool {
  return place != NO_PLACE && references > 0 && number - batchOf(place) <= references;
}

function addressOf(place: u64): usize {
  return load<usize>(slotEntry(batchOf(place))) + pageInSlot(pageOf(place));
}

function nameOf(place: u64): u32 {
  return ((number - batchOf(place)) << 16) + pageOf(place);
}

function addZero(at: usize): bool {
  const again = goesOn(OP_ZERO_CODE, 0);
  if (!fits(0, 0, again ? 0 : 1, PAGE)) return false;
  if (again) extendOp(0, 1, PAGE);
  else addOp(OP_ZERO_CODE, 0, 1, PAGE);
  zeroTotal += PAGE;
  const last = zeroRuns + (<usize>zeroRunCount - 1) * 8;
  if (zeroRunCount > 0 && load<u32>(last) + load<u32>(last, 4) * PAGE == <u32>at) {
    store<u32>(last, load<u32>(last, 4) + 1, 4);
  } else {
    store<u32>(last + 8, <u32>at);
    store<u32>(last + 8, 1, 4);
    zeroRunCount++;
  }
  return true;
}

function addCopy(name: u32): bool {
  const again = goesOn(OP_COPY_CODE, name);
  if (!fits(0, 0, again ? 0 : 1, PAGE)) return false;
  if (again) extendOp(1, 0, PAGE);
  else addOp(OP_COPY_CODE, 1, name, PAGE);
  copiedTotal += PAGE;
  return true;
}

function addDelta(name: u32, bytes: u32, at: usize): u32 {
  if (!fits(1, bytes, 1, PAGE)) return FULL;
  commitBytes(bytes);
  addOp(OP_DELTA_CODE, bytes, name, PAGE);
  deltaTotal += PAGE;
  deltaWireTotal += bytes + <u32>OP_BYTES;
  return addDeltaResult(at);
}

function addLiteral(at: usize): u32 {
  const again = goesOn(OP_PAGES_CODE, 0);
  if (!fits(1, 0, again ? 0 : 1, PAGE)) return FULL;
  if (again) extendOp(0, 1, PAGE);
  else addOp(OP_PAGES_CODE, 0, 1, PAGE);
  dataTotal += PAGE;
  return addPage(at);
}
