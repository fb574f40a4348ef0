import { FingerprintSet, FrameSet } from './fingerprint-set.js';
import { hasPageData, PAGE_BYTES, PageType, type Layer, type StreamDomainType } from './layout.js';
import { SaveStreamParser, type SaveStreamHandler, type StreamRecord } from './parser.js';

export interface RecordCount {
  readonly layer: Layer;
  readonly type: number;
  readonly name: string;
  readonly count: number;
  /** Of the bodies, without headers and padding. */
  readonly bytes: number;
}

export interface PageCounts {
  /** Pages whose content is in the stream. */
  readonly data: number;
  /** Entries without content: broken, allocate-only, invalid. */
  readonly nodata: number;
  readonly zero: number;
  /** Pages, not zero, whose content came earlier in the stream. */
  readonly duplicate: number;
  /** First comings of a content that is not zero. */
  readonly unique: number;
  /** Pages whose frame had come with content before. */
  readonly resent: number;
}

/** What a save stream holds. */
export interface StreamSummary {
  readonly libxlVersion: number;
  readonly libxcVersion: number;
  readonly domainType: StreamDomainType;
  /** `4.17`; `legacy` for a converted stream. */
  readonly xenVersion: string;
  readonly bigEndian: boolean;
  readonly bytes: number;
  readonly records: readonly RecordCount[];
  readonly pages: PageCounts;
  /** Entries by page type, by the specification's names. */
  readonly pageTypes: Readonly<Record<string, number>>;
  /** False where there were more unlike pages than are remembered; then `duplicate` is a lower bound. */
  readonly exact: boolean;
}

const TYPE_NAMES = new Map<number, string>(Object.entries(PageType).map(([name, type]) => [type, name]));

/** Checks a stream as it comes, and counts what is in it. Memory is bounded: see the sets. */
export class StreamSummarizer {
  readonly #records = new Map<string, { layer: Layer; type: number; name: string; count: number; bytes: number }>();
  readonly #contents = new FingerprintSet();
  readonly #frames = new FrameSet();
  readonly #aligned = new Int32Array(PAGE_BYTES / 4);
  readonly #alignedBytes = new Uint8Array(this.#aligned.buffer);
  readonly #typeCounts = new Float64Array(16);
  readonly #pages = { data: 0, nodata: 0, zero: 0, duplicate: 0, unique: 0, resent: 0 };
  readonly #parser: SaveStreamParser;
  #libxlVersion = 0;
  #libxcVersion = 0;
  #bigEndian = false;
  #domainType: StreamDomainType = 'x86-hvm';
  #xenVersion = '';

  constructor() {
    const handler: SaveStreamHandler = {
      libxlHeader: ({ version, bigEndian }) => {
        this.#libxlVersion = version;
        this.#bigEndian = bigEndian;
      },
      imageHeader: ({ version }) => {
        this.#libxcVersion = version;
      },
      domainHeader: ({ type, xenMajor, xenMinor }) => {
        this.#domainType = type;
        this.#xenVersion = xenMajor === 0 ? 'legacy' : `${xenMajor}.${xenMinor}`;
      },
      record: (record) => this.#countRecord(record),
      pages: (_record, _pfns, types, count) => this.#countTypes(types, count),
      page: (pfn, _type, bytes) => this.#countPage(pfn, bytes),
    };
    this.#parser = new SaveStreamParser(handler);
  }

  /** @throws StreamError */
  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  /** @throws StreamError where the stream is not complete */
  end(): StreamSummary {
    this.#parser.end();
    const pageTypes: Record<string, number> = {};
    for (const [type, name] of TYPE_NAMES) if (this.#typeCounts[type] > 0) pageTypes[name] = this.#typeCounts[type];
    return {
      libxlVersion: this.#libxlVersion,
      libxcVersion: this.#libxcVersion,
      domainType: this.#domainType,
      xenVersion: this.#xenVersion,
      bigEndian: this.#bigEndian,
      bytes: this.#parser.offset,
      records: [...this.#records.values()].map((record) => ({ ...record })),
      pages: { ...this.#pages },
      pageTypes,
      exact: !this.#contents.isFull,
    };
  }

  #countRecord({ layer, type, name, length }: StreamRecord): void {
    const key = `${layer} ${type}`;
    const known = this.#records.get(key);
    if (known === undefined) {
      // Optional records may have any of two thousand million types; a hostile stream must not fill memory with names.
      const shown = this.#records.size < 256 ? key : 'other';
      const other = this.#records.get(shown);
      if (other === undefined) this.#records.set(shown, { layer, type, name, count: 1, bytes: length });
      else this.#add(other, length);
    } else {
      this.#add(known, length);
    }
  }

  #add(record: { count: number; bytes: number }, length: number): void {
    record.count += 1;
    record.bytes += length;
  }

  #countTypes(types: Uint8Array, count: number): void {
    for (let index = 0; index < count; index += 1) {
      const type = types[index];
      this.#typeCounts[type] += 1;
      if (!hasPageData(type)) this.#pages.nodata += 1;
    }
  }

  #countPage(pfn: number, bytes: Uint8Array): void {
    this.#pages.data += 1;
    if (this.#frames.seen(pfn)) this.#pages.resent += 1;
    this.#alignedBytes.set(bytes);
    const words = this.#aligned;
    let any = 0;
    let a = 0x9e37_79b9;
    let b = 0x85eb_ca6b;
    for (let index = 0; index < words.length; index += 2) {
      const [x, y] = [words[index], words[index + 1]];
      any |= x | y;
      a = Math.imul(a ^ x, 0xcc9e_2d51);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b ^ y, 0x1b87_3593) + a;
      b = (b << 17) | (b >>> 15);
    }
    if (any === 0) this.#pages.zero += 1;
    else if (this.#contents.seen(a >>> 0, b >>> 0)) this.#pages.duplicate += 1;
    else this.#pages.unique += 1;
  }
}
