import { paddedLength, RECORD_HEADER_BYTES } from './layout.js';

/* The writing half of the format: each function returns new bytes that the caller owns. Always little-endian. */

export { encodeDomainHeader, encodeImageHeader, encodeLibxlHeader } from './headers.js';
export { encodePageDataHeader, type PageEntry } from './page-data.js';

/** A whole record of either layer, which have the same form: header, body, padding. "Records", "Record Overview". */
export function encodeRecord(type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = Buffer.alloc(RECORD_HEADER_BYTES + paddedLength(body.length));
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(body.length, 4);
  bytes.set(body, RECORD_HEADER_BYTES);
  return bytes;
}
