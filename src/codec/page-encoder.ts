import { PAGE_BYTES } from '../savestream/layout.js';
import { MAX_BATCH_RAW_BYTES, Op, OP_BYTES } from './batch.js';
import { BatchBuilder, type RawBatch } from './batch-builder.js';
import { encodeDelta, MAX_DELTA_BYTES } from './page-delta.js';
import { PageIndex, sampleHash } from './page-index.js';
import { PageScanner } from './page-scanner.js';
import { BLOCK_BYTES, type RawWindow } from './raw-window.js';

const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);
const MAX_COPIES = 0xffff;

/** What became of the pages, in bytes of the raw stream but for the last. */
export interface EncoderCounts {
  rawBytes: number;
  zeroBytes: number;
  copiedBytes: number;
  deltaBytes: number;
  /** What the deltas took instead. */
  deltaWireBytes: number;
  /** Sent as it is, before packing. */
  dataBytes: number;
}

/** Turns the raw stream in a window into batches: what the far side can make up by itself is not sent. */
export class PageEncoder {
  readonly counts: EncoderCounts = {
    rawBytes: 0,
    zeroBytes: 0,
    copiedBytes: 0,
    deltaBytes: 0,
    deltaWireBytes: 0,
    dataBytes: 0,
  };
  readonly #scanner = new PageScanner();
  readonly #index = new PageIndex();
  readonly #builder = new BatchBuilder();
  #end = 0;
  /** How far the stream was looked at; what lies before and behind `#dataFrom` is to be sent as it is. */
  #at = 0;
  #dataFrom = 0;
  /** Bytes of a page that is passed by: it came in parts. */
  #skip = 0;
  #last: { code: number; arg16: number; arg32: number } | undefined;

  /** @param window its size must be what the far side has agreed to */
  constructor(readonly window: RawWindow) {}

  /** Whether bytes wait for their batch to become full. */
  get hasPending(): boolean {
    return !this.#builder.isEmpty || this.#at < this.#end;
  }

  /** Takes so many bytes more from the window; the batches that became full. */
  push(count: number): RawBatch[] {
    const full: RawBatch[] = [];
    this.#end += count;
    this.#walk(full);
    this.#closeData(this.#at, full);
    this.window.take(this.#at);
    return full;
  }

  /** Everything that was pushed, however little: the stream is quiet, or over. */
  flush(): RawBatch[] {
    const all: RawBatch[] = [];
    this.#walk(all);
    // A page that has come in part only goes out as bytes.
    if (this.#scanner.atPage && this.#at < this.#end) {
      if (this.#skip === 0) this.#skip = PAGE_BYTES;
      this.#passBy();
    }
    this.#closeData(this.#at, all);
    if (!this.#builder.isEmpty) this.#finish(all);
    this.window.take(this.#at);
    return all;
  }

  #walk(full: RawBatch[]): void {
    const { window } = this;
    const scanner = this.#scanner;
    const end = this.#end;
    while (this.#at < end) {
      const inBlock = this.#at % BLOCK_BYTES;
      if (this.#skip > 0) {
        this.#passBy();
      } else if (!scanner.atPage) {
        const to = Math.min(BLOCK_BYTES, inBlock + end - this.#at);
        this.#at += scanner.take(window.block(this.#at), inBlock, to);
      } else if (inBlock + PAGE_BYTES > BLOCK_BYTES || inBlock % 4 !== 0) {
        this.#skip = PAGE_BYTES; // lies in two blocks: one page in 256
      } else if (end - this.#at < PAGE_BYTES) {
        return;
      } else {
        this.#page(inBlock, full);
        scanner.takePage();
      }
    }
  }

  #passBy(): void {
    const count = Math.min(this.#skip, this.#end - this.#at);
    this.#at += count;
    this.#skip -= count;
    if (this.#skip === 0) this.#scanner.takePage();
  }

  #page(inBlock: number, full: RawBatch[]): void {
    const { window } = this;
    const at = this.#at;
    const block = window.block(at);
    const words = window.words(at);
    const hash = sampleHash(words, inBlock / 4);
    this.#at = at + PAGE_BYTES;
    if (hash === 0 && block.compare(ZERO_PAGE, 0, PAGE_BYTES, inBlock, inBlock + PAGE_BYTES) === 0) {
      this.#elide(at, Op.ZERO, 0, full);
      return;
    }
    const alike = this.#index.swapContent(hash, at);
    const before = this.#index.swapFrame(this.#scanner.pfn, at);
    if (this.#reaches(alike, at)) {
      const from = alike % BLOCK_BYTES;
      if (block.compare(window.block(alike), from, from + PAGE_BYTES, inBlock, inBlock + PAGE_BYTES) === 0) {
        this.#elide(at, Op.COPY, at - alike, full);
        return;
      }
    }
    if (this.#reaches(before, at)) this.#delta(before, at, inBlock, full);
  }

  #reaches(offset: number, from: number): boolean {
    return offset >= 0 && from - offset <= this.window.bytes;
  }

  #elide(at: number, code: typeof Op.ZERO | typeof Op.COPY, distance: number, full: RawBatch[]): void {
    this.#closeData(at, full);
    this.#dataFrom = at + PAGE_BYTES;
    if (code === Op.ZERO) this.counts.zeroBytes += PAGE_BYTES;
    else this.counts.copiedBytes += PAGE_BYTES;
    this.#makeRoom(0, PAGE_BYTES, full);
    const last = this.#last;
    if (code === Op.ZERO) {
      if (last?.code === Op.ZERO) {
        last.arg32 += 1;
        this.#builder.extend(0, last.arg32, PAGE_BYTES);
      } else {
        this.#op(Op.ZERO, 0, 1, 0, PAGE_BYTES);
      }
    } else if (last?.code === Op.COPY && last.arg32 === distance && last.arg16 < MAX_COPIES) {
      last.arg16 += 1;
      this.#builder.extend(last.arg16, distance, PAGE_BYTES);
    } else {
      this.#op(Op.COPY, 1, distance, 0, PAGE_BYTES);
    }
  }

  #delta(before: number, at: number, inBlock: number, full: RawBatch[]): void {
    const { window } = this;
    this.#closeData(at, full);
    this.#makeRoom(MAX_DELTA_BYTES, PAGE_BYTES, full);
    const bytes = encodeDelta(
      window.words(before),
      (before % BLOCK_BYTES) / 4,
      window.words(at),
      inBlock / 4,
      window.block(at),
      this.#builder.buffer,
      this.#builder.dataAt,
    );
    if (bytes === undefined) return;
    this.#op(Op.DELTA, bytes, at - before, bytes, PAGE_BYTES);
    this.#dataFrom = at + PAGE_BYTES;
    this.counts.deltaBytes += PAGE_BYTES;
    this.counts.deltaWireBytes += bytes + OP_BYTES;
  }

  /** Puts the bytes that nothing was found for into the batch, up to an offset. */
  #closeData(to: number, full: RawBatch[]): void {
    while (this.#dataFrom < to) {
      this.#makeRoom(1, 1, full);
      const most = Math.min(this.#builder.room, MAX_BATCH_RAW_BYTES - this.#builder.rawBytes);
      const count = Math.min(most, to - this.#dataFrom);
      this.window.copyTo(this.#builder.buffer, this.#builder.dataAt, this.#dataFrom, count);
      this.#op(Op.DATA, 0, count, count, count);
      this.counts.dataBytes += count;
      this.#dataFrom += count;
    }
  }

  #op(code: number, arg16: number, arg32: number, dataBytes: number, rawBytes: number): void {
    this.#builder.op(code, arg16, arg32, dataBytes, rawBytes);
    this.#last = { code, arg16, arg32 };
  }

  #makeRoom(dataBytes: number, rawBytes: number, full: RawBatch[]): void {
    if (this.#builder.room >= dataBytes && this.#builder.rawBytes + rawBytes <= MAX_BATCH_RAW_BYTES) return;
    this.#finish(full);
  }

  #finish(into: RawBatch[]): void {
    const batch = this.#builder.finish();
    this.counts.rawBytes += batch.rawBytes;
    this.#last = undefined;
    into.push(batch);
  }
}
