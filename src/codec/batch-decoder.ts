import { SLOT_BYTES } from '../buffers/slot-memory.js';
import { PAGE_BYTES } from '../savestream/layout.js';
import { batchError, bodyBytes, deltasAt, FIRST_DELTA, Op, OP_BYTES, type BatchTrailer } from './batch.js';
import { applyDelta, MAX_DELTA_BYTES } from './page-delta.js';

/** A plain batch in its slot. */
export interface BatchInSlot {
  readonly trailer: BatchTrailer;
  /** All of the slot; the batch is at its front. The results of its deltas are written after it. */
  readonly memory: Buffer;
  /** Of the batch in the stream, from 0. */
  readonly number: number;
}

/** Receives the raw stream, in order. */
export interface RawSink<Batch extends BatchInSlot> {
  /** Bytes of the stream, where they lie in a batch's slot: in that of the batch being decoded, or one before. */
  literal(batch: Batch, at: number, count: number): void;
  /** So many pages of zero bytes. */
  zeros(pages: number): void;
}

interface Held<Batch> {
  readonly batch: Batch;
  readonly deltasAt: number;
  /** Results of deltas made so far. */
  deltas: number;
}

/**
 * Refers to the raw stream's bytes in the batches' slots. Its input comes from the network: everything is
 * checked. Copies nothing but the pages that deltas change. The slots of the last batches must stay as they are.
 */
export class BatchDecoder<Batch extends BatchInSlot> {
  /** The batches that may be referred to, the newest last. */
  readonly #held: Held<Batch>[] = [];

  /** @param referenceBatches how many batches back a batch may refer; 0: to no page at all */
  constructor(private readonly referenceBatches: number) {}

  /**
   * Decodes the next batch into the sink.
   * @returns the batch that can no longer be referred to, if there is one
   * @throws ProtocolError `E_PROTOCOL_BATCH`; the sink may have had a part of the batch then
   */
  decode(batch: Batch, sink: RawSink<Batch>): Batch | undefined {
    const { trailer, memory, number } = batch;
    const now: Held<Batch> = { batch, deltasAt: deltasAt(trailer), deltas: 0 };
    this.#held.push(now);
    const pagesEnd = trailer.pages * PAGE_BYTES;
    const bytesEnd = pagesEnd + trailer.bytes;
    const opsEnd = bodyBytes(trailer);
    let pageAt = 0;
    let byteAt = pagesEnd;
    let left = trailer.rawBytes;
    for (let at = bytesEnd; at < opsEnd; at += OP_BYTES) {
      const n = memory.readUInt16BE(at + 2);
      const m = memory.readUInt32BE(at + 4);
      const code = memory[at];
      if (memory[at + 1] !== 0) throw batchError(number, 'a reserved byte is not zero');
      switch (code) {
        case Op.BYTES:
          if (n !== 0 || m === 0 || m > bytesEnd - byteAt || m > left) {
            throw batchError(number, `${m} bytes, but ${bytesEnd - byteAt} are there and ${left} are due`);
          }
          sink.literal(batch, byteAt, m);
          byteAt += m;
          left -= m;
          break;
        case Op.PAGES:
          if (n !== 0 || m === 0 || m * PAGE_BYTES > pagesEnd - pageAt || m * PAGE_BYTES > left) {
            throw batchError(number, `${m} pages, but ${pagesEnd - pageAt} bytes are there and ${left} are due`);
          }
          sink.literal(batch, pageAt, m * PAGE_BYTES);
          pageAt += m * PAGE_BYTES;
          left -= m * PAGE_BYTES;
          break;
        case Op.ZERO:
          if (n !== 0 || m === 0 || m * PAGE_BYTES > left) {
            throw batchError(number, `${m} pages of zero bytes where ${left} bytes are due`);
          }
          sink.zeros(m);
          left -= m * PAGE_BYTES;
          break;
        case Op.COPY: {
          if (n === 0 || n * PAGE_BYTES > left)
            throw batchError(number, `${n} pages again where ${left} bytes are due`);
          const from = this.#find(m, n, number);
          sink.literal(from.batch, from.at, n * PAGE_BYTES);
          left -= n * PAGE_BYTES;
          break;
        }
        case Op.DELTA: {
          if (n > MAX_DELTA_BYTES || n > bytesEnd - byteAt || left < PAGE_BYTES) {
            throw batchError(number, `a delta of ${n} bytes, but ${bytesEnd - byteAt} are there and ${left} are due`);
          }
          const result = this.#delta(now, m, memory.subarray(byteAt, byteAt + n));
          sink.literal(batch, result, PAGE_BYTES);
          byteAt += n;
          left -= PAGE_BYTES;
          break;
        }
        default:
          throw batchError(number, `operation ${code} is not known`);
      }
    }
    if (left !== 0 || pageAt !== pagesEnd || byteAt !== bytesEnd) {
      const over = `${pagesEnd - pageAt} bytes of pages and ${bytesEnd - byteAt} bytes`;
      throw batchError(number, `${left} raw bytes, ${over} are left over`);
    }
    return this.#held.length > this.referenceBatches ? this.#held.shift()?.batch : undefined;
  }

  /** The place of a page that was sent before; checks that so many follow it there. */
  #find(name: number, count: number, number: number): { readonly batch: Batch; readonly at: number } {
    const back = Math.floor(name / 0x1_0000);
    const page = name % 0x1_0000;
    const held = back > this.referenceBatches ? undefined : this.#held.at(-1 - back);
    if (held === undefined || this.referenceBatches === 0) {
      throw batchError(number, `a page from ${back} batches before, where ${this.#held.length - 1} are kept`);
    }
    const isDelta = page >= FIRST_DELTA;
    const first = isDelta ? page - FIRST_DELTA : page;
    const there = isDelta ? held.deltas : held.batch.trailer.pages;
    if (first + count > there) throw batchError(number, `${count} pages from page ${page} on, which is not there`);
    return { batch: held.batch, at: (isDelta ? held.deltasAt : 0) + first * PAGE_BYTES };
  }

  /** Applies a delta, and writes the resulting page after its batch. @returns the page's place in the slot */
  #delta(now: Held<Batch>, name: number, delta: Buffer): number {
    const { memory, number } = now.batch;
    const from = this.#find(name, 1, number);
    const at = now.deltasAt + now.deltas * PAGE_BYTES;
    if (at + PAGE_BYTES > SLOT_BYTES) throw batchError(number, 'the results of its deltas do not fit its slot');
    const result = memory.subarray(at, at + PAGE_BYTES);
    from.batch.memory.copy(result, 0, from.at, from.at + PAGE_BYTES);
    if (!applyDelta(result, delta)) throw batchError(number, 'a delta does not fit its page');
    now.deltas += 1;
    return at;
  }
}
