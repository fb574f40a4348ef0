import {
  DOMAIN_HEADER_BYTES,
  DOMAIN_TYPES,
  IMAGE_HEADER_BYTES,
  IMAGE_IDENT,
  IMAGE_MARKER,
  IMAGE_OPT_BIG_ENDIAN,
  IMAGE_VERSIONS,
  LIBXL_HEADER_BYTES,
  LIBXL_IDENT,
  LIBXL_OPT_BIG_ENDIAN,
  LIBXL_OPT_LEGACY,
  LIBXL_VERSION,
  PAGE_SHIFT,
  type StreamDomainType,
} from './layout.js';
import { streamError, type Position } from './position.js';

/*
 * Encoders and decoders of the three headers. Encoders return new bytes that the caller owns, for little-endian
 * streams; decoders get exactly the header's bytes, and throw StreamError `E_STREAM_*`.
 */

/** libxl stream header; only the option bit is variable. */
export interface LibxlHeader {
  readonly version: number;
  readonly bigEndian: boolean;
  readonly legacy: boolean;
}

/** libxc image header: the version of the image, and the byte order of its records. */
export interface ImageHeader {
  readonly version: number;
  readonly bigEndian: boolean;
}

/** libxc domain header: guest type, and the version of the Xen that wrote the image. */
export interface DomainHeader {
  readonly type: StreamDomainType;
  readonly xenMajor: number;
  readonly xenMinor: number;
}

/** libxl "Header". Its fields are big-endian whatever the option says. */
export function encodeLibxlHeader(): Uint8Array {
  const bytes = Buffer.alloc(LIBXL_HEADER_BYTES);
  bytes.writeBigUInt64BE(LIBXL_IDENT, 0);
  bytes.writeUInt32BE(LIBXL_VERSION, 8);
  return bytes;
}

/**
 * libxl "Stream Header", 16 bytes: ident, version, options. @throws StreamError `E_STREAM_IDENT`, `E_STREAM_VERSION`,
 * `E_STREAM_RESERVED`
 */
export function decodeLibxlHeader(view: DataView, at: Position): LibxlHeader {
  if (view.getBigUint64(0) !== LIBXL_IDENT) throw streamError('E_STREAM_IDENT', at, 'this is not a libxl save stream');
  const version = view.getUint32(8);
  if (version !== LIBXL_VERSION)
    throw streamError('E_STREAM_VERSION', at, `version ${version}, expected ${LIBXL_VERSION}`);
  const options = view.getUint32(12);
  refuseReserved(options & ~(LIBXL_OPT_BIG_ENDIAN | LIBXL_OPT_LEGACY), at);
  return {
    version,
    bigEndian: (options & LIBXL_OPT_BIG_ENDIAN) !== 0,
    legacy: (options & LIBXL_OPT_LEGACY) !== 0,
  };
}

/** libxc "Image Header". Its fields are big-endian whatever the option says. */
export function encodeImageHeader(header: { readonly version: 2 | 3 }): Uint8Array {
  const bytes = Buffer.alloc(IMAGE_HEADER_BYTES);
  bytes.writeBigUInt64BE(IMAGE_MARKER, 0);
  bytes.writeUInt32BE(IMAGE_IDENT, 8);
  bytes.writeUInt32BE(header.version, 12);
  return bytes;
}

/**
 * libxc "Image Header", 24 bytes: marker, id, version, options, reserved. @throws StreamError `E_STREAM_IDENT`,
 * `E_STREAM_VERSION`, `E_STREAM_RESERVED`
 */
export function decodeImageHeader(view: DataView, at: Position): ImageHeader {
  if (view.getBigUint64(0) !== IMAGE_MARKER) throw streamError('E_STREAM_IDENT', at, 'the marker is wrong');
  if (view.getUint32(8) !== IMAGE_IDENT) throw streamError('E_STREAM_IDENT', at, 'this is not a libxc image');
  const version = view.getUint32(12);
  if (!IMAGE_VERSIONS.includes(version)) {
    throw streamError('E_STREAM_VERSION', at, `version ${version}, expected ${IMAGE_VERSIONS.join(' or ')}`);
  }
  const options = view.getUint16(16);
  refuseReserved(options & ~IMAGE_OPT_BIG_ENDIAN, at);
  if (view.getUint16(18) !== 0 || view.getUint32(20) !== 0) {
    throw streamError('E_STREAM_RESERVED', at, 'reserved fields are not zero');
  }
  return { version, bigEndian: (options & IMAGE_OPT_BIG_ENDIAN) !== 0 };
}

/** libxc "Domain Header", in the byte order that the image header names. */
export function encodeDomainHeader(header: DomainHeader): Uint8Array {
  const bytes = Buffer.alloc(DOMAIN_HEADER_BYTES);
  bytes.writeUInt32LE(DOMAIN_TYPES[header.type], 0);
  bytes.writeUInt16LE(PAGE_SHIFT, 4);
  bytes.writeUInt32LE(header.xenMajor, 8);
  bytes.writeUInt32LE(header.xenMinor, 12);
  return bytes;
}

/**
 * libxc "Domain Header", 16 bytes: type, page shift, reserved, Xen's major and minor version. @throws StreamError
 * `E_STREAM_FIELD`, `E_STREAM_RESERVED`
 */
export function decodeDomainHeader(view: DataView, littleEndian: boolean, at: Position): DomainHeader {
  const number = view.getUint32(0, littleEndian);
  const type = domainTypeOf(number);
  if (type === undefined) throw streamError('E_STREAM_FIELD', at, `domain type 0x${number.toString(16)} is not known`);
  const shift = view.getUint16(4, littleEndian);
  if (shift !== PAGE_SHIFT) throw streamError('E_STREAM_FIELD', at, `page shift ${shift}, expected ${PAGE_SHIFT}`);
  if (view.getUint16(6, littleEndian) !== 0) throw streamError('E_STREAM_RESERVED', at, 'reserved field is not zero');
  return { type, xenMajor: view.getUint32(8, littleEndian), xenMinor: view.getUint32(12, littleEndian) };
}

function domainTypeOf(number: number): StreamDomainType | undefined {
  if (number === DOMAIN_TYPES['x86-pv']) return 'x86-pv';
  return number === DOMAIN_TYPES['x86-hvm'] ? 'x86-hvm' : undefined;
}

function refuseReserved(options: number, at: Position): void {
  if (options === 0) return;
  throw streamError('E_STREAM_RESERVED', at, `reserved options 0x${(options >>> 0).toString(16)} are set`);
}
