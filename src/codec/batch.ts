import { SLOT_BYTES } from '../buffers/slot-memory.js';
import { ProtocolError } from '../errors/errors.js';
import { PAGE_BYTES } from '../savestream/layout.js';

/*
 * The encoded stream is a run of batches, one to a DATA frame. PROTOCOL.md, "The codec": pages, bytes, operations, trailer.
 * The pages come first, so that they are page-aligned wherever the batch is received into a slot. Numbers are big-endian.
 */

/** kind, 3 reserved; bytes before the trailer as sent; pages; bytes; bytes of operations; raw bytes. */
export const TRAILER_BYTES = 24;
/** A batch, packed or not, fits a slot. */
export const MAX_BATCH_BYTES = SLOT_BYTES;
/** Raw bytes that a batch may stand for: zero pages cost next to nothing to send, but their reader has to write them. */
export const MAX_BATCH_RAW_BYTES = 16 * 1024 * 1024;
/** Operations of one batch. */
export const MAX_OPS = 8192;

/** How what is before the trailer is sent. */
export const BodyKind = { PLAIN: 1, ZSTD: 2 } as const;
export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

/** code, 0, a 16-bit number n, a 32-bit number m. */
export const OP_BYTES = 8;
export const Op = {
  /** The next m of the batch's bytes. */
  BYTES: 1,
  /** m pages of zero bytes. */
  ZERO: 2,
  /** n pages that were sent before, one after the other; m names the first (`pageName`). */
  COPY: 3,
  /** One page that was sent before, named by m, with the changes in the next n of the batch's bytes. */
  DELTA: 4,
  /** The next m of the batch's pages. */
  PAGES: 5,
} as const;

/** What a batch's trailer says. */
export interface BatchTrailer {
  readonly kind: BodyKind;
  /** Bytes before the trailer as sent. */
  readonly sentBytes: number;
  readonly pages: number;
  readonly bytes: number;
  readonly opsBytes: number;
  readonly rawBytes: number;
}

/** Bytes before the trailer once they are unpacked. */
export function bodyBytes({ pages, bytes, opsBytes }: Pick<BatchTrailer, 'pages' | 'bytes' | 'opsBytes'>): number {
  return pages * PAGE_BYTES + bytes + opsBytes;
}

/** Where the results of a batch's deltas begin in its slot: at the first page boundary after the batch, were it sent plain. */
export function deltasAt(trailer: Pick<BatchTrailer, 'pages' | 'bytes' | 'opsBytes'>): number {
  return Math.ceil((bodyBytes(trailer) + TRAILER_BYTES) / PAGE_BYTES) * PAGE_BYTES;
}

/** The number of a batch's first delta result among its pages; those that are sent come from 0 on. */
export const FIRST_DELTA = MAX_BATCH_BYTES / PAGE_BYTES;

/** The 32-bit number that names a page: of the batch `back` batches before (0: the same), its page `page`. */
export function pageName(back: number, page: number): number {
  return back * 0x1_0000 + page;
}

/** Writes the trailer at a place of `into`. */
export function encodeTrailer(trailer: BatchTrailer, into: Buffer, at: number): void {
  into.writeUInt32BE(trailer.kind * 0x100_0000, at);
  into.writeUInt32BE(trailer.sentBytes, at + 4);
  into.writeUInt32BE(trailer.pages, at + 8);
  into.writeUInt32BE(trailer.bytes, at + 12);
  into.writeUInt32BE(trailer.opsBytes, at + 16);
  into.writeUInt32BE(trailer.rawBytes, at + 20);
}

/** Makes the trailer of a plain batch that of a packed one. @param at where the trailer is: after so many bytes */
export function markPacked(into: Buffer, at: number): void {
  into.writeUInt32BE(BodyKind.ZSTD * 0x100_0000, at);
  into.writeUInt32BE(at, at + 4);
}

/**
 * Reads the trailer of a batch, and bounds every length in it.
 * @param payload the whole batch as it was sent
 * @param number of the batch in the stream, for messages
 * @throws ProtocolError `E_PROTOCOL_BATCH`
 */
export function decodeTrailer(payload: Buffer, number: number): BatchTrailer {
  const at = payload.length - TRAILER_BYTES;
  if (at < 1 || payload.length > MAX_BATCH_BYTES) throw batchError(number, `it has ${payload.length} bytes`);
  const kind = payload[at];
  const trailer = {
    sentBytes: payload.readUInt32BE(at + 4),
    pages: payload.readUInt32BE(at + 8),
    bytes: payload.readUInt32BE(at + 12),
    opsBytes: payload.readUInt32BE(at + 16),
    rawBytes: payload.readUInt32BE(at + 20),
  };
  if (kind !== BodyKind.PLAIN && kind !== BodyKind.ZSTD) throw batchError(number, `kind ${kind} is not known`);
  if ((payload.readUInt32BE(at) & 0xff_ffff) !== 0) throw batchError(number, 'reserved bytes are not zero');
  bound(trailer.sentBytes, at, at, 'bytes before the trailer', number);
  bound(trailer.pages, 0, MAX_BATCH_BYTES / PAGE_BYTES, 'pages', number);
  bound(trailer.bytes, 0, MAX_BATCH_BYTES, 'bytes', number);
  bound(trailer.opsBytes, OP_BYTES, MAX_OPS * OP_BYTES, 'bytes of operations', number);
  bound(trailer.rawBytes, 1, MAX_BATCH_RAW_BYTES, 'raw bytes', number);
  if (trailer.opsBytes % OP_BYTES !== 0) throw batchError(number, `${trailer.opsBytes} bytes of operations`);
  const body = bodyBytes(trailer);
  bound(body, OP_BYTES, MAX_BATCH_BYTES - TRAILER_BYTES, 'bytes in all', number);
  if (kind === BodyKind.PLAIN && body !== at)
    throw batchError(number, `a plain batch of ${body} bytes is sent in ${at}`);
  return { kind, ...trailer };
}

function bound(value: number, least: number, most: number, field: string, number: number): void {
  if (value < least || value > most) throw batchError(number, `${value} ${field}, expected ${least} to ${most}`);
}

/** @param number of the batch in the stream */
export function batchError(number: number, why: string, cause?: unknown): ProtocolError {
  return new ProtocolError('E_PROTOCOL_BATCH', `encoded stream, batch ${number}: ${why}`, {
    cause,
    hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
    data: { batch: number },
  });
}
