import {
  DOMAIN_HEADER_BYTES,
  hasPageData,
  IMAGE_HEADER_BYTES,
  LIBXL_HEADER_BYTES,
  LIBXL_IDENT,
  LIBXL_OPT_BIG_ENDIAN,
  LIBXL_VERSION,
  LibxcRecord,
  LibxlRecord,
  MAX_PAGE_ENTRIES,
  PAGE_BYTES,
  PAGE_DATA_COUNT_BYTES,
  PAGE_ENTRY_BYTES,
  paddedLength,
  RECORD_HEADER_BYTES,
  type Layer,
} from '../savestream/layout.js';

type State = 'libxl-header' | 'image-headers' | 'record' | 'page-count' | 'page-entries' | 'pages' | 'skip' | 'opaque';

const GATHER_BYTES = Math.max(PAGE_ENTRY_BYTES * MAX_PAGE_ENTRIES, IMAGE_HEADER_BYTES + DOMAIN_HEADER_BYTES);

/**
 * Finds the pages in a save stream, so that fewer of them need be sent. It does not validate: what it does not
 * understand it skips, and in a stream that it cannot parse it finds no more pages. Whether a stream is a
 * good one is for its reader at the destination to say. On a big-endian host it finds no pages.
 */
export class PageScanner {
  readonly #memory = new ArrayBuffer(GATHER_BYTES);
  readonly #gather = Buffer.from(this.#memory);
  readonly #words = new Uint32Array(this.#memory);
  #gathered = 0;
  #state: State = 'libxl-header';
  /** Bytes that the state wants; for `skip` those that are left of it. */
  #want = LIBXL_HEADER_BYTES;
  #layer: Layer = 'libxl';
  /** Frame numbers of the record's pages that have content. */
  readonly #pfns = new Float64Array(MAX_PAGE_ENTRIES);
  #pages = 0;
  #recordBytes = 0;
  #next = 0;
  #anyTaken = false;

  /** True if the next byte is the first of a page. */
  get atPage(): boolean {
    return this.#state === 'pages';
  }

  /** True where a stream has ended with its END record and nothing came after it. */
  get atEnd(): boolean {
    return this.#state === 'libxl-header' && this.#gathered === 0 && this.#anyTaken;
  }

  /** The frame number of the page that begins here. */
  get pfn(): number {
    return this.#pfns[this.#next];
  }

  /** Skips the page that begins here. */
  takePage(): void {
    this.#toPage(this.#next + 1);
  }

  /** Consumes bytes until a page begins or there are no more; returns their number. */
  take(bytes: Buffer, from: number, to: number): number {
    let at = from;
    this.#anyTaken ||= to > from;
    while (at < to && this.#state !== 'pages') {
      if (this.#state === 'opaque') return to - from;
      if (this.#state === 'skip') {
        const count = Math.min(this.#want, to - at);
        at += count;
        this.#want -= count;
        if (this.#want === 0) this.#to('record', RECORD_HEADER_BYTES);
        continue;
      }
      const count = Math.min(this.#want - this.#gathered, to - at);
      bytes.copy(this.#gather, this.#gathered, at, at + count);
      this.#gathered += count;
      at += count;
      if (this.#gathered === this.#want) {
        this.#gathered = 0;
        this.#fields();
      }
    }
    return at - from;
  }

  #to(state: State, want: number): void {
    this.#state = want === 0 && state === 'skip' ? 'record' : state;
    this.#want = want === 0 && state === 'skip' ? RECORD_HEADER_BYTES : want;
  }

  #fields(): void {
    const fields = this.#gather;
    switch (this.#state) {
      case 'libxl-header': {
        const ours =
          fields.readBigUInt64BE(0) === LIBXL_IDENT &&
          fields.readUInt32BE(8) === LIBXL_VERSION &&
          (fields.readUInt32BE(12) & LIBXL_OPT_BIG_ENDIAN) === 0;
        this.#layer = 'libxl';
        this.#to(ours ? 'record' : 'opaque', RECORD_HEADER_BYTES);
        return;
      }
      case 'image-headers':
        this.#to('record', RECORD_HEADER_BYTES);
        return;
      case 'record':
        this.#record(fields.readUInt32LE(0), fields.readUInt32LE(4));
        return;
      case 'page-count':
      case 'page-entries':
        this.#pageFields();
        return;
      case 'pages':
      case 'skip':
      case 'opaque':
        return;
    }
  }

  #record(type: number, length: number): void {
    if (this.#layer === 'libxc') {
      if (type === LibxcRecord.PAGE_DATA) {
        this.#recordBytes = length;
        this.#to('page-count', PAGE_DATA_COUNT_BYTES);
        return;
      }
      if (type === LibxcRecord.END || type === LibxcRecord.CHECKPOINT) this.#layer = 'libxl';
    } else if (type === LibxlRecord.LIBXC_CONTEXT) {
      this.#layer = 'libxc';
      this.#to('image-headers', IMAGE_HEADER_BYTES + DOMAIN_HEADER_BYTES);
      return;
    } else if (type === LibxlRecord.CHECKPOINT_END) {
      this.#layer = 'libxc';
    } else if (type === LibxlRecord.END) {
      this.#to('libxl-header', LIBXL_HEADER_BYTES);
      return;
    }
    this.#to('skip', paddedLength(length));
  }

  #pageFields(): void {
    if (this.#state === 'page-count') {
      const count = this.#words[0];
      const fits = count > 0 && count <= MAX_PAGE_ENTRIES;
      this.#to(fits ? 'page-entries' : 'opaque', PAGE_ENTRY_BYTES * count);
      return;
    }
    const entries = this.#want / PAGE_ENTRY_BYTES;
    const words = this.#words;
    const pfns = this.#pfns;
    let pages = 0;
    for (let index = 0; index < entries; index += 1) {
      const high = words[index * 2 + 1];
      if (!hasPageData(high >>> 28)) continue;
      pfns[pages] = (high & 0x000f_ffff) * 0x1_0000_0000 + words[index * 2];
      pages += 1;
    }
    this.#pages = pages;
    const expected = PAGE_DATA_COUNT_BYTES + PAGE_ENTRY_BYTES * entries + PAGE_BYTES * pages;
    // The destination's restore reports what is wrong with it.
    if (this.#recordBytes !== expected) this.#state = 'opaque';
    else this.#toPage(0);
  }

  #toPage(index: number): void {
    this.#next = index;
    if (index < this.#pages) this.#to('pages', PAGE_BYTES);
    else this.#to('record', RECORD_HEADER_BYTES);
  }
}
