import { SLOT_BYTES } from '../buffers/slot-memory.js';
import { PAGE_BYTES } from '../savestream/layout.js';
import { BodyKind, encodeTrailer, MAX_BATCH_RAW_BYTES, MAX_OPS, OP_BYTES, TRAILER_BYTES } from './batch.js';
import { MAX_DELTA_BYTES } from './page-delta.js';

/** Number of a batch's first delta result among its pages; the data pages come before. */
export const FIRST_DELTA_RESULT = SLOT_BYTES / PAGE_BYTES;

/** What an operation would add to a batch; what is not named, it does not. */
export interface Addition {
  readonly pages?: number;
  readonly bytes?: number;
  readonly deltas?: number;
  readonly ops?: number;
  readonly rawBytes: number;
}

/**
 * One batch while it is laid out in its slot: pages from the front, results of deltas, which are kept but not sent, from the end.
 * Bytes and operations are gathered apart, and put after the pages when the batch is complete.
 */
export class SlotBatch {
  readonly #ops = Buffer.alloc(MAX_OPS * OP_BYTES);
  readonly #bytes = Buffer.allocUnsafeSlow(SLOT_BYTES + MAX_DELTA_BYTES);
  readonly #memory: Buffer;
  #slotAt = 0;
  pages = 0;
  bytes = 0;
  deltas = 0;
  ops = 0;
  rawBytes = 0;
  /** The last operation, which the next may extend; code 0: there is none. */
  last = { code: 0, n: 0, m: 0 };

  constructor(memory: ArrayBufferLike) {
    this.#memory = Buffer.from(memory);
  }

  begin(slotAt: number): void {
    this.#slotAt = slotAt;
    this.pages = 0;
    this.bytes = 0;
    this.deltas = 0;
    this.ops = 0;
    this.rawBytes = 0;
    this.last = { code: 0, n: 0, m: 0 };
  }

  /** Room for bytes that come with so many operations more. */
  room(ops: number): number {
    if (this.ops + ops > MAX_OPS) return 0;
    const used = (this.pages + this.deltas) * PAGE_BYTES + this.bytes + (this.ops + ops) * OP_BYTES + TRAILER_BYTES;
    return Math.max(0, Math.min(SLOT_BYTES - used, MAX_BATCH_RAW_BYTES - this.rawBytes));
  }

  fits({ pages = 0, bytes = 0, deltas = 0, ops = 0, rawBytes }: Addition): boolean {
    const used =
      (this.pages + pages + this.deltas + deltas) * PAGE_BYTES +
      this.bytes +
      bytes +
      (this.ops + ops) * OP_BYTES +
      TRAILER_BYTES;
    return used <= SLOT_BYTES && this.ops + ops <= MAX_OPS && this.rawBytes + rawBytes <= MAX_BATCH_RAW_BYTES;
  }

  /** Where the next bytes go. */
  get bytesRoom(): { readonly into: Buffer; readonly at: number } {
    return { into: this.#bytes, at: this.bytes };
  }

  /** Adds bytes of the memory. */
  addBytes(from: number, count: number): void {
    this.#memory.copy(this.#bytes, this.bytes, from, from + count);
    this.bytes += count;
  }

  /** Adds a page of the memory to those that are sent. Returns its number. */
  addPage(from: number): number {
    this.#memory.copyWithin(this.#slotAt + this.pages * PAGE_BYTES, from, from + PAGE_BYTES);
    this.pages += 1;
    return this.pages - 1;
  }

  /** Keeps the page that a delta results in. Returns its number. */
  addDeltaResult(from: number): number {
    this.deltas += 1;
    this.#memory.copyWithin(this.#slotAt + SLOT_BYTES - this.deltas * PAGE_BYTES, from, from + PAGE_BYTES);
    return FIRST_DELTA_RESULT + this.deltas - 1;
  }

  op(code: number, n: number, m: number, rawBytes: number): void {
    this.last = { code, n, m };
    this.ops += 1;
    this.rawBytes += rawBytes;
    this.#writeLast();
  }

  /** Makes the last operation stand for more. */
  extend(n: number, m: number, rawBytes: number): void {
    this.last.n = n;
    this.last.m = m;
    this.rawBytes += rawBytes;
    this.#writeLast();
  }

  #writeLast(): void {
    const at = (this.ops - 1) * OP_BYTES;
    this.#ops.writeUInt32BE(this.last.code * 0x100_0000 + this.last.n, at);
    this.#ops.writeUInt32BE(this.last.m, at + 4);
  }

  /** Puts bytes, operations and trailer after the pages. Returns the bytes of the payload. */
  finish(): number {
    const { pages, bytes, rawBytes } = this;
    const opsBytes = this.ops * OP_BYTES;
    const bytesAt = this.#slotAt + pages * PAGE_BYTES;
    this.#bytes.copy(this.#memory, bytesAt, 0, bytes);
    this.#ops.copy(this.#memory, bytesAt + bytes, 0, opsBytes);
    const sentBytes = pages * PAGE_BYTES + bytes + opsBytes;
    const trailer = { kind: BodyKind.PLAIN, sentBytes, pages, bytes, opsBytes, rawBytes };
    encodeTrailer(trailer, this.#memory, this.#slotAt + sentBytes);
    return sentBytes + TRAILER_BYTES;
  }
}

/** Where a page of a batch lies, from the front of its slot on. */
export function pageInSlot(page: number): number {
  return page < FIRST_DELTA_RESULT ? page * PAGE_BYTES : SLOT_BYTES - (page - FIRST_DELTA_RESULT + 1) * PAGE_BYTES;
}
