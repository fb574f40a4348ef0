import {
  DOMAIN_HEADER_BYTES,
  DOMAIN_TYPES,
  hasPageData,
  IMAGE_HEADER_BYTES,
  IMAGE_IDENT,
  IMAGE_MARKER,
  LIBXL_HEADER_BYTES,
  LIBXL_IDENT,
  LIBXL_VERSION,
  LibxcRecord,
  MAX_PAGE_ENTRIES,
  PAGE_BYTES,
  PAGE_SHIFT,
  paddedLength,
  RECORD_HEADER_BYTES,
  type StreamDomainType,
} from './layout.js';
import { InvariantError } from '../errors/errors.js';

/* The writing half of the format: each function returns new bytes that the caller owns. Always little-endian. */

export function encodeLibxlHeader(): Uint8Array {
  const bytes = Buffer.alloc(LIBXL_HEADER_BYTES);
  bytes.writeBigUInt64BE(LIBXL_IDENT, 0);
  bytes.writeUInt32BE(LIBXL_VERSION, 8);
  return bytes;
}

export function encodeImageHeader(header: { readonly version: 2 | 3 }): Uint8Array {
  const bytes = Buffer.alloc(IMAGE_HEADER_BYTES);
  bytes.writeBigUInt64BE(IMAGE_MARKER, 0);
  bytes.writeUInt32BE(IMAGE_IDENT, 8);
  bytes.writeUInt32BE(header.version, 12);
  return bytes;
}

export function encodeDomainHeader(header: {
  readonly type: StreamDomainType;
  readonly xenMajor: number;
  readonly xenMinor: number;
}): Uint8Array {
  const bytes = Buffer.alloc(DOMAIN_HEADER_BYTES);
  bytes.writeUInt32LE(DOMAIN_TYPES[header.type], 0);
  bytes.writeUInt16LE(PAGE_SHIFT, 4);
  bytes.writeUInt32LE(header.xenMajor, 8);
  bytes.writeUInt32LE(header.xenMinor, 12);
  return bytes;
}

/** A whole record of either layer: header, body, padding. */
export function encodeRecord(type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + paddedLength(body.length));
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(body.length, 4);
  bytes.set(body, RECORD_HEADER_BYTES);
  return bytes;
}

export interface PageEntry {
  readonly pfn: number;
  readonly type: number;
}

/**
 * Everything of a PAGE_DATA record in front of the page contents: record header, count, entries. The
 * caller writes PAGE_BYTES behind it for each entry whose type has data, in order; no padding follows.
 */
export function encodePageDataHeader(entries: readonly PageEntry[]): Uint8Array {
  if (entries.length === 0 || entries.length > MAX_PAGE_ENTRIES) {
    throw new InvariantError(`a PAGE_DATA record of ${entries.length} entries`);
  }
  const pages = entries.reduce((count, entry) => count + (hasPageData(entry.type) ? 1 : 0), 0);
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + 8 + 8 * entries.length);
  bytes.writeUInt32LE(LibxcRecord.PAGE_DATA, 0);
  bytes.writeUInt32LE(8 + 8 * entries.length + pages * PAGE_BYTES, 4);
  bytes.writeUInt32LE(entries.length, 8);
  let at = RECORD_HEADER_BYTES + 8;
  for (const { pfn, type } of entries) {
    bytes.writeUInt32LE(pfn % 0x1_0000_0000, at);
    bytes.writeUInt32LE((Math.floor(pfn / 0x1_0000_0000) & 0x000f_ffff) + type * 0x1000_0000, at + 4);
    at += 8;
  }
  return bytes;
}
