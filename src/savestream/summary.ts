import { FingerprintSet } from './fingerprint-set.js';
import { FrameSet } from './frame-set.js';
import type { SaveStreamHandler } from './handler.js';
import { hasPageData, PageType, type StreamDomainType } from './layout.js';
import { PageFingerprint } from './page-fingerprint.js';
import { SaveStreamParser } from './parser.js';
import { RecordCounts, type RecordCount } from './record-counts.js';

export type { RecordCount };

/** Numbers of PAGE_DATA entries, by what they contain. */
export interface PageCounts {
  /** Pages whose content is in the stream. */
  readonly data: number;
  /** Entries without content: broken, allocate-only, invalid. */
  readonly nodata: number;
  readonly zero: number;
  /** Non-zero pages whose content occurred earlier in the stream. */
  readonly duplicate: number;
  /** Non-zero pages whose content occurred for the first time. */
  readonly unique: number;
  /** Pages whose frame already occurred with content. */
  readonly resent: number;
}

/** Contents of a save stream. */
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
  /** False if the bounds of the sets were reached; then `duplicate` and `resent` are lower bounds. */
  readonly exact: boolean;
}

const TYPE_NAMES = new Map<number, string>(Object.entries(PageType).map(([name, type]) => [type, name]));

/**
 * Checks a stream as it arrives, and counts its contents. Its memory grows with the number of different
 * pages, up to the bounds of its two sets: 256 MiB and 64 MiB, reached with 64 GiB of different pages.
 */
export class StreamSummarizer {
  readonly #records = new RecordCounts();
  readonly #contents = new FingerprintSet();
  readonly #frames = new FrameSet();
  readonly #fingerprint = new PageFingerprint();
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
      record: (record) => this.#records.add(record),
      pages: (_record, _pfns, types, count) => this.#countTypes(types, count),
      page: (pfn, _type, bytes) => this.#countPage(pfn, bytes),
    };
    this.#parser = new SaveStreamParser(handler);
  }

  /** Checks and counts the next bytes, which remain the caller's. @throws StreamError */
  push(chunk: Uint8Array): void {
    this.#parser.push(chunk);
  }

  /** @throws StreamError `E_STREAM_TRUNCATED` if the stream is not complete */
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
      records: this.#records.list(),
      pages: { ...this.#pages },
      pageTypes,
      exact: !this.#contents.forgot && !this.#frames.forgot,
    };
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
    if (!this.#fingerprint.take(bytes)) this.#pages.zero += 1;
    else if (this.#contents.seen(this.#fingerprint.high, this.#fingerprint.low)) this.#pages.duplicate += 1;
    else this.#pages.unique += 1;
  }
}
