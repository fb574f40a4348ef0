/* One batch while it is laid out in its slot: `SlotBatch` of src/codec/slot-batch.ts. The format is that of src/codec/batch.ts. */

import { MAX_DELTA_BYTES } from './delta';
import { PAGE_BYTES } from './page';

export const SLOT_BYTES: usize = 1024 * 1024;
const MAX_BATCH_RAW_BYTES: u32 = 16 * 1024 * 1024;
const TRAILER_BYTES: usize = 24;
const MAX_OPS: u32 = 8192;
export const OP_BYTES: usize = 8;
const KIND_PLAIN: u32 = 1;
export const OP_BYTES_CODE: u32 = 1;
export const OP_ZERO_CODE: u32 = 2;
export const OP_COPY_CODE: u32 = 3;
export const OP_DELTA_CODE: u32 = 4;
export const OP_PAGES_CODE: u32 = 5;
/** Number of a batch's first delta result among its pages. */
export const FIRST_DELTA_RESULT: u32 = 256;

/** What the batch gathers apart from its slot: bytes, then operations. */
export const GATHER_BYTES: usize = SLOT_BYTES + MAX_DELTA_BYTES + <usize>MAX_OPS * OP_BYTES;

let bytesBase: usize = 0;
let opsBase: usize = 0;
let slot: usize = 0;
let pages: u32 = 0;
let bytes: u32 = 0;
let deltas: u32 = 0;
let ops: u32 = 0;
let raw: u32 = 0;
/** The last operation, which the next may extend; code 0: there is none. */
let lastCode: u32 = 0;
let lastN: u32 = 0;
let lastM: u32 = 0;

/** @param at GATHER_BYTES of memory */
export function resetBatch(at: usize): void {
  bytesBase = at;
  opsBase = at + SLOT_BYTES + MAX_DELTA_BYTES;
  beginBatch(0);
}

export function beginBatch(slotAt: usize): void {
  slot = slotAt;
  pages = 0;
  bytes = 0;
  deltas = 0;
  ops = 0;
  raw = 0;
  lastCode = 0;
}

export function batchRawBytes(): u32 {
  return raw;
}

/** Whether an operation of this code goes on where the last one ended. @param m for COPY: the page's name */
export function goesOn(code: u32, m: u32): bool {
  if (lastCode != code) return false;
  return code != OP_COPY_CODE || (lastM + lastN == m && lastN < 0xffff);
}

function used(morePages: u32, moreBytes: u32, moreOps: u32): usize {
  const kept = <usize>(pages + deltas + morePages) * PAGE_BYTES;
  return kept + bytes + moreBytes + <usize>(ops + moreOps) * OP_BYTES + TRAILER_BYTES;
}

/** @param kept pages of the slot, be they sent or results of deltas */
export function fits(kept: u32, moreBytes: u32, moreOps: u32, rawBytes: u32): bool {
  return (
    used(kept, moreBytes, moreOps) <= SLOT_BYTES && ops + moreOps <= MAX_OPS && raw + rawBytes <= MAX_BATCH_RAW_BYTES
  );
}

/** Room for bytes, with the operation that they may need. */
export function bytesRoom(): u32 {
  const moreOps: u32 = lastCode == OP_BYTES_CODE ? 0 : 1;
  const inUse = used(0, 0, moreOps);
  if (ops + moreOps > MAX_OPS || inUse >= SLOT_BYTES) return 0;
  return min(<u32>(SLOT_BYTES - inUse), MAX_BATCH_RAW_BYTES - raw);
}

/** Where the next bytes go. */
export function nextBytesAt(): usize {
  return bytesBase + bytes;
}

/** So many bytes were put there. */
export function commitBytes(count: u32): void {
  bytes += count;
}

/** Adds a page to those that are sent. Returns its number. */
export function addPage(from: usize): u32 {
  memory.copy(slot + <usize>pages * PAGE_BYTES, from, PAGE_BYTES);
  pages += 1;
  return pages - 1;
}

/** Keeps the page that a delta results in. Returns its number. */
export function addDeltaResult(from: usize): u32 {
  deltas += 1;
  memory.copy(slot + SLOT_BYTES - <usize>deltas * PAGE_BYTES, from, PAGE_BYTES);
  return FIRST_DELTA_RESULT + deltas - 1;
}

function writeLast(): void {
  const at = opsBase + <usize>(ops - 1) * OP_BYTES;
  store<u32>(at, bswap((lastCode << 24) + lastN));
  store<u32>(at, bswap(lastM), 4);
}

export function addOp(code: u32, n: u32, m: u32, rawBytes: u32): void {
  lastCode = code;
  lastN = n;
  lastM = m;
  ops += 1;
  raw += rawBytes;
  writeLast();
}

/** Makes the last operation stand for more. */
export function extendOp(moreN: u32, moreM: u32, rawBytes: u32): void {
  lastN += moreN;
  lastM += moreM;
  raw += rawBytes;
  writeLast();
}

/** Puts bytes, operations and trailer after the pages. Returns the bytes of the payload. */
export function finishBatch(): u32 {
  const bytesAt = slot + <usize>pages * PAGE_BYTES;
  const opsBytes = ops * <u32>OP_BYTES;
  memory.copy(bytesAt, bytesBase, bytes);
  memory.copy(bytesAt + bytes, opsBase, opsBytes);
  const trailer = bytesAt + bytes + opsBytes;
  store<u32>(trailer, bswap(KIND_PLAIN << 24));
  store<u32>(trailer, bswap(<u32>(trailer - slot)), 4);
  store<u32>(trailer, bswap(pages), 8);
  store<u32>(trailer, bswap(bytes), 12);
  store<u32>(trailer, bswap(opsBytes), 16);
  store<u32>(trailer, bswap(raw), 20);
  return <u32>(trailer + TRAILER_BYTES - slot);
}

/** Where a page of a batch lies, from the front of its slot on. */
export function pageInSlot(page: u32): usize {
  if (page < FIRST_DELTA_RESULT) return <usize>page * PAGE_BYTES;
  return SLOT_BYTES - <usize>(page - FIRST_DELTA_RESULT + 1) * PAGE_BYTES;
}
