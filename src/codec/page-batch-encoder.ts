import { InvariantError } from '../errors/errors.js';
import { PAGE_BYTES } from '../savestream/layout.js';
import { Op, OP_BYTES, pageName } from './batch.js';
import { MAX_BACK, type BatchEncoder, type BatchEncoderOptions, type EncoderCounts } from './batch-encoder.js';
import { encodeDelta } from './page-delta.js';
import { batchOf, NO_PLACE, PagePlaces, pageOf, placeOf, sampleHash, type PagePlace } from './page-places.js';
import { PageScanner } from './page-scanner.js';
import { pageInSlot, SlotBatch } from './slot-batch.js';

const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);
const MAX_COPIES = 0xffff;

/**
 * The encoder in TypeScript: where WebAssembly cannot be had, and what the other encoder is checked against. Its rules are
 * both's. A batch is filled greedily: it is full when what comes next does not fit. A page, which comes whole, is looked at in this order:
 *
 * 1. all zero: ZERO;
 * 2. the same as the page that was last laid out with this hash, no more than `references` batches back: COPY, and that page is
 *    this frame's from now on. A COPY goes on over the pages that follow each other in one batch;
 * 3. at most MAX_DELTA_BYTES different from this frame's last page, likewise: DELTA; its result is a page that may be referred to;
 * 4. otherwise it is sent.
 *
 * A page of cases 3 and 4 is the latest with its hash, and of its frame. Everything else goes as bytes.
 */
export class PageBatchEncoder implements BatchEncoder {
  readonly counts: EncoderCounts = {
    rawBytes: 0,
    zeroBytes: 0,
    copiedBytes: 0,
    deltaBytes: 0,
    deltaWireBytes: 0,
    dataBytes: 0,
  };
  readonly #scanner = new PageScanner();
  readonly #places = new PagePlaces();
  readonly #batch: SlotBatch;
  readonly #memory: Buffer;
  readonly #words: Int32Array;
  /** Holds a page that begins at no word. */
  readonly #aligned = new Int32Array(PAGE_BYTES / 4);
  readonly #slots = new Array<number>(MAX_BACK + 1).fill(0);
  #number = 0;
  #zeroRuns: number[] = [];
  #full = false;

  /** @param memory in which the stream and the slots lie */
  constructor(
    memory: ArrayBufferLike,
    private readonly options: BatchEncoderOptions,
  ) {
    const { references } = options;
    if (!(references >= 0 && references <= MAX_BACK)) throw new InvariantError(`references over ${references} batches`);
    this.#memory = Buffer.from(memory);
    this.#words = new Int32Array(memory);
    this.#batch = new SlotBatch(memory);
  }

  get full(): boolean {
    return this.#full;
  }

  get rawBytes(): number {
    return this.#batch.rawBytes;
  }

  get atEnd(): boolean {
    return this.#scanner.atEnd;
  }

  get zeroRuns(): Int32Array {
    return Int32Array.from(this.#zeroRuns);
  }

  begin(slotAt: number): void {
    this.#slots[this.#number % this.#slots.length] = slotAt;
    this.#batch.begin(slotAt);
    this.#full = false;
  }

  encode(from: number, to: number): number {
    const scanner = this.#scanner;
    this.#zeroRuns = [];
    this.#full = false;
    let at = from;
    while (at < to && !this.full) {
      if (!this.options.findPages) at += this.#addBytes(at, to);
      else if (!scanner.atPage) at += this.#addFields(at, to);
      else if (to - at < PAGE_BYTES) break;
      else if (this.#addPage(at)) {
        scanner.takePage();
        at += PAGE_BYTES;
      }
    }
    return at - from;
  }

  encodePart(from: number, to: number): number {
    this.#zeroRuns = [];
    this.#full = false;
    return this.#addBytes(from, to);
  }

  finish(): number {
    if (this.#batch.rawBytes === 0) return 0;
    this.counts.rawBytes += this.#batch.rawBytes;
    this.#number += 1;
    const length = this.#batch.finish();
    this.#batch.begin(0);
    return length;
  }

  #addFields(from: number, to: number): number {
    const room = this.#bytesRoom();
    if (room === 0) return 0;
    const count = this.#scanner.take(this.#memory, from, Math.min(to, from + room));
    return this.#addBytes(from, from + count);
  }

  #bytesRoom(): number {
    const room = this.#batch.room(this.#batch.last.code === Op.BYTES ? 0 : 1);
    if (room === 0) this.#full = true;
    return room;
  }

  #addBytes(from: number, to: number): number {
    const batch = this.#batch;
    const count = Math.min(to - from, this.#bytesRoom());
    if (count === 0) return 0;
    batch.addBytes(from, count);
    if (batch.last.code === Op.BYTES) batch.extend(0, batch.last.m + count, count);
    else batch.op(Op.BYTES, 0, count, count);
    this.counts.dataBytes += count;
    return count;
  }

  /** False where the batch is full: nothing has changed then. */
  #addPage(at: number): boolean {
    const { words, word } = this.#wordsOf(at);
    const hash = sampleHash(words, word);
    if (hash === 0 && this.#memory.compare(ZERO_PAGE, 0, PAGE_BYTES, at, at + PAGE_BYTES) === 0) return this.#zero(at);
    const places = this.#places;
    const pfn = this.#scanner.pfn;
    const alike = places.content(hash);
    if (this.#reaches(alike)) {
      const from = this.#address(alike);
      if (this.#memory.compare(this.#memory, from, from + PAGE_BYTES, at, at + PAGE_BYTES) === 0) {
        if (!this.#copy(alike)) return false;
        places.setFrame(pfn, alike);
        return true;
      }
    }
    const before = places.frame(pfn);
    const page = (this.#reaches(before) ? this.#delta(before, words, word, at) : undefined) ?? this.#literal(at);
    if (page === 'full') {
      this.#full = true;
      return false;
    }
    const place = placeOf(this.#number, page);
    places.setContent(hash, place);
    places.setFrame(pfn, place);
    return true;
  }

  #wordsOf(at: number): { readonly words: Int32Array; readonly word: number } {
    if (at % 4 === 0) return { words: this.#words, word: at / 4 };
    this.#memory.copy(Buffer.from(this.#aligned.buffer), 0, at, at + PAGE_BYTES);
    return { words: this.#aligned, word: 0 };
  }

  #reaches(place: PagePlace): boolean {
    const { references } = this.options;
    return place !== NO_PLACE && references > 0 && this.#number - batchOf(place) <= references;
  }

  #address(place: PagePlace): number {
    return this.#slots[batchOf(place) % this.#slots.length] + pageInSlot(pageOf(place));
  }

  #nameOf(place: PagePlace): number {
    return pageName(this.#number - batchOf(place), pageOf(place));
  }

  #zero(at: number): boolean {
    const batch = this.#batch;
    const goesOn = batch.last.code === Op.ZERO;
    if (!batch.fits({ ops: goesOn ? 0 : 1, rawBytes: PAGE_BYTES })) {
      this.#full = true;
      return false;
    }
    if (goesOn) batch.extend(0, batch.last.m + 1, PAGE_BYTES);
    else batch.op(Op.ZERO, 0, 1, PAGE_BYTES);
    this.counts.zeroBytes += PAGE_BYTES;
    const runs = this.#zeroRuns;
    const last = runs.length - 2;
    if (last >= 0 && runs[last] + runs[last + 1] * PAGE_BYTES === at) runs[last + 1] += 1;
    else runs.push(at, 1);
    return true;
  }

  #copy(place: PagePlace): boolean {
    const batch = this.#batch;
    const { code, n, m } = batch.last;
    const name = this.#nameOf(place);
    const goesOn = code === Op.COPY && m + n === name && n < MAX_COPIES;
    if (!batch.fits({ ops: goesOn ? 0 : 1, rawBytes: PAGE_BYTES })) {
      this.#full = true;
      return false;
    }
    if (goesOn) batch.extend(n + 1, m, PAGE_BYTES);
    else batch.op(Op.COPY, 1, name, PAGE_BYTES);
    this.counts.copiedBytes += PAGE_BYTES;
    return true;
  }

  /** The number of the page that the delta results in; undefined where too much has changed. */
  #delta(before: PagePlace, words: Int32Array, word: number, at: number): number | 'full' | undefined {
    const batch = this.#batch;
    const { into, at: intoAt } = batch.bytesRoom;
    const was = this.#address(before) / 4;
    const source = words === this.#words ? this.#memory : Buffer.from(words.buffer);
    const bytes = encodeDelta(this.#words, was, words, word, source, into, intoAt);
    if (bytes === undefined) return undefined;
    if (!batch.fits({ bytes, deltas: 1, ops: 1, rawBytes: PAGE_BYTES })) return 'full';
    batch.bytes += bytes;
    batch.op(Op.DELTA, bytes, this.#nameOf(before), PAGE_BYTES);
    this.counts.deltaBytes += PAGE_BYTES;
    this.counts.deltaWireBytes += bytes + OP_BYTES;
    return batch.addDeltaResult(at);
  }

  #literal(at: number): number | 'full' {
    const batch = this.#batch;
    const goesOn = batch.last.code === Op.PAGES;
    if (!batch.fits({ pages: 1, ops: goesOn ? 0 : 1, rawBytes: PAGE_BYTES })) return 'full';
    if (goesOn) batch.extend(0, batch.last.m + 1, PAGE_BYTES);
    else batch.op(Op.PAGES, 0, 1, PAGE_BYTES);
    this.counts.dataBytes += PAGE_BYTES;
    return batch.addPage(at);
  }
}
