import { encodePageDataHeader, type PageEntry } from '../../../savestream/encode.js';
import { hasPageData, MAX_PAGE_ENTRIES, PAGE_BYTES, RECORD_HEADER_BYTES } from '../../../savestream/layout.js';
import { pageType, type GuestMemory } from '../memory/guest-memory.js';

/** Room before the pages for the largest record header with its entries. */
const HEADER_ROOM = RECORD_HEADER_BYTES + 8 + 8 * MAX_PAGE_ENTRIES;

/**
 * Gathers frames into PAGE_DATA records of at most 1024 entries, as libxc does, and reads the pages of
 * neighbouring frames at once. One buffer is reused: a record must be written before
 * the next frame is added.
 */
export class PageBatch {
  readonly #memory: GuestMemory;
  readonly #buffer = Buffer.allocUnsafeSlow(HEADER_ROOM + MAX_PAGE_ENTRIES * PAGE_BYTES);
  readonly #type = new Uint8Array(1);
  #entries: PageEntry[] = [];

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  get isFull(): boolean {
    return this.#entries.length === MAX_PAGE_ENTRIES;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** @param stored the frame's type as in the types file, if known; frames that do not exist are left out */
  add(pfn: number, stored: number = this.#readType(pfn)): void {
    const type = pageType(stored);
    if (type !== undefined) this.#entries.push({ pfn, type });
  }

  /**
   * The record; the batch is empty afterwards. Undefined if nothing was added. The bytes are valid until the next call.
   */
  take(): Uint8Array | undefined {
    if (this.#entries.length === 0) return undefined;
    const header = encodePageDataHeader(this.#entries);
    const start = HEADER_ROOM - header.length;
    this.#buffer.set(header, start);
    const end = this.#readPages();
    this.#entries = [];
    return this.#buffer.subarray(start, end);
  }

  #readPages(): number {
    let at = HEADER_ROOM;
    let first = 0;
    let run = 0;
    const flush = (): void => {
      if (run > 0) this.#memory.read(first, this.#buffer.subarray(at - run * PAGE_BYTES, at));
      run = 0;
    };
    for (const { pfn, type } of this.#entries) {
      if (!hasPageData(type)) continue;
      if (pfn !== first + run) flush();
      if (run === 0) first = pfn;
      run += 1;
      at += PAGE_BYTES;
    }
    flush();
    return at;
  }

  #readType(pfn: number): number {
    this.#memory.readTypes(pfn, this.#type);
    return this.#type[0];
  }
}
