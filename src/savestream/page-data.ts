import { InvariantError } from '../errors/errors.js';
import {
  hasPageData,
  isPageType,
  LibxcRecord,
  MAX_PAGE_ENTRIES,
  PAGE_BYTES,
  PAGE_DATA_COUNT_BYTES,
  PAGE_ENTRY_BYTES,
  RECORD_HEADER_BYTES,
} from './layout.js';
import { streamError, type Position } from './position.js';

/* PAGE_DATA before the page contents: count, reserved, and one entry per page. libxc "PAGE_DATA". */

/** One entry of a PAGE_DATA record: frame number and type. */
export interface PageEntry {
  readonly pfn: number;
  readonly type: number;
}

/**
 * The part of a PAGE_DATA record before the page contents: record header, count, entries. The
 * caller writes PAGE_BYTES after it for each entry whose type has data, in order; no padding follows.
 *
 * @throws InvariantError for no entries, or more than MAX_PAGE_ENTRIES
 */
export function encodePageDataHeader(entries: readonly PageEntry[]): Uint8Array {
  if (entries.length === 0 || entries.length > MAX_PAGE_ENTRIES) {
    throw new InvariantError(`a PAGE_DATA record of ${entries.length} entries`);
  }
  const pages = entries.reduce((count, entry) => count + (hasPageData(entry.type) ? 1 : 0), 0);
  const front = PAGE_DATA_COUNT_BYTES + PAGE_ENTRY_BYTES * entries.length;
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + front);
  bytes.writeUInt32LE(LibxcRecord.PAGE_DATA, 0);
  bytes.writeUInt32LE(front + pages * PAGE_BYTES, 4);
  bytes.writeUInt32LE(entries.length, 8);
  let at = RECORD_HEADER_BYTES + PAGE_DATA_COUNT_BYTES;
  for (const { pfn, type } of entries) {
    bytes.writeUInt32LE(pfn % 0x1_0000_0000, at);
    bytes.writeUInt32LE((Math.floor(pfn / 0x1_0000_0000) & 0x000f_ffff) + type * 0x1000_0000, at + 4);
    at += PAGE_ENTRY_BYTES;
  }
  return bytes;
}

/**
 * The number of entries in a PAGE_DATA record. @throws StreamError `E_STREAM_COUNT`, `E_STREAM_RESERVED`,
 * `E_STREAM_LENGTH`
 */
export function decodePageCount(view: DataView, littleEndian: boolean, length: number, at: Position): number {
  const count = view.getUint32(0, littleEndian);
  if (count === 0) throw streamError('E_STREAM_COUNT', at, 'count is 0');
  if (count > MAX_PAGE_ENTRIES)
    throw streamError('E_STREAM_COUNT', at, `count ${count} over the limit ${MAX_PAGE_ENTRIES}`);
  if (view.getUint32(4, littleEndian) !== 0) throw streamError('E_STREAM_RESERVED', at, 'reserved field is not zero');
  if (PAGE_DATA_COUNT_BYTES + PAGE_ENTRY_BYTES * count > length)
    throw streamError('E_STREAM_LENGTH', at, `length ${length} is too short for ${count} entries`);
  return count;
}

/** The entries of one record, in arrays that are reused for the next. */
export class PageEntries {
  /** 52-bit frame numbers: a double holds them exactly. */
  readonly pfns = new Float64Array(MAX_PAGE_ENTRIES);
  readonly types = new Uint8Array(MAX_PAGE_ENTRIES);
  count = 0;

  /**
   * Reads `count` entries, and checks that `length` is what they need.
   *
   * @throws StreamError `E_STREAM_RESERVED`, `E_STREAM_PAGE_TYPE`, `E_STREAM_LENGTH`
   */
  decode(view: DataView, littleEndian: boolean, count: number, length: number, at: Position): void {
    let pages = 0;
    for (let index = 0; index < count; index += 1) {
      const low = view.getUint32(index * PAGE_ENTRY_BYTES + (littleEndian ? 0 : 4), littleEndian);
      const high = view.getUint32(index * PAGE_ENTRY_BYTES + (littleEndian ? 4 : 0), littleEndian);
      const type = high >>> 28;
      if ((high & 0x0ff0_0000) !== 0)
        throw streamError('E_STREAM_RESERVED', at, `reserved bits of entry ${index} are set`);
      if (!isPageType(type))
        throw streamError('E_STREAM_PAGE_TYPE', at, `entry ${index} has page type 0x${type.toString(16)}`);
      this.pfns[index] = (high & 0x000f_ffff) * 0x1_0000_0000 + low;
      this.types[index] = type;
      if (hasPageData(type)) pages += 1;
    }
    const expected = PAGE_DATA_COUNT_BYTES + PAGE_ENTRY_BYTES * count + pages * PAGE_BYTES;
    if (length !== expected) {
      throw streamError(
        'E_STREAM_LENGTH',
        at,
        `length ${length}, but ${count} entries with ${pages} pages need ${expected}`,
      );
    }
    this.count = count;
  }

  /** The first entry at or after `index` that has page contents; `count` if none has. */
  nextWithData(index: number): number {
    let next = index;
    while (next < this.count && !hasPageData(this.types[next])) next += 1;
    return next;
  }
}
