import { ProtocolError } from '../errors/errors.js';

/*
 * The encoded stream is a run of batches. PROTOCOL.md, "The codec": header, then a body of data and, behind it, the
 * operations that make the raw bytes from the data and from what came before. Numbers are big-endian.
 */

/** kind, 3 reserved, bytes of the body as sent, bytes of the body, bytes of operations in it, raw bytes. */
export const BATCH_HEADER_BYTES = 20;
/** A batch as sent is never longer: so it travels as one frame. */
export const MAX_BATCH_BYTES = 1024 * 1024;
export const MAX_BODY_BYTES = MAX_BATCH_BYTES - BATCH_HEADER_BYTES;
/** What a batch may come to: zero pages cost nothing to say, but their reader has to write them. */
export const MAX_BATCH_RAW_BYTES = 16 * 1024 * 1024;

/** How a body is sent. */
export const BodyKind = { PLAIN: 1, ZSTD: 2 } as const;
export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

/** code, reserved, a 16-bit number, a 32-bit number. */
export const OP_BYTES = 8;
export const Op = {
  /** The next bytes of the data; the 32-bit number says how many. */
  DATA: 1,
  /** Pages of zeroes; the 32-bit number says how many. */
  ZERO: 2,
  /** Pages as they were so many bytes ago (32 bits); the 16-bit number says how many. Copied one by one, in order. */
  COPY: 3,
  /** One page as it was so many bytes ago (32 bits), with the changes in the next bytes of the data (16 bits: how many). */
  DELTA: 4,
} as const;

export interface BatchHeader {
  readonly kind: BodyKind;
  readonly wireBytes: number;
  readonly bodyBytes: number;
  readonly opsBytes: number;
  readonly rawBytes: number;
}

/** Writes the header at the front of `into`. */
export function encodeBatchHeader(header: BatchHeader, into: Buffer): void {
  into.writeUInt32BE(header.kind * 0x100_0000, 0);
  into.writeUInt32BE(header.wireBytes, 4);
  into.writeUInt32BE(header.bodyBytes, 8);
  into.writeUInt32BE(header.opsBytes, 12);
  into.writeUInt32BE(header.rawBytes, 16);
}

/**
 * Reads a header, and bounds every length in it.
 * @param offset of the header in the encoded stream, for messages
 * @throws ProtocolError `E_PROTOCOL_BATCH`
 */
export function decodeBatchHeader(bytes: Buffer, offset: number): BatchHeader {
  const kind = bytes[0];
  const header = {
    wireBytes: bytes.readUInt32BE(4),
    bodyBytes: bytes.readUInt32BE(8),
    opsBytes: bytes.readUInt32BE(12),
    rawBytes: bytes.readUInt32BE(16),
  };
  if (kind !== BodyKind.PLAIN && kind !== BodyKind.ZSTD) throw batchError(offset, `kind ${kind} is not known`);
  if ((bytes.readUInt32BE(0) & 0xff_ffff) !== 0) throw batchError(offset, 'reserved bytes are not zero');
  bound(header.bodyBytes, OP_BYTES, MAX_BODY_BYTES, 'bytes of the body', offset);
  bound(header.wireBytes, 1, MAX_BODY_BYTES, 'bytes of the body as sent', offset);
  bound(header.opsBytes, OP_BYTES, header.bodyBytes, 'bytes of operations', offset);
  bound(header.rawBytes, 1, MAX_BATCH_RAW_BYTES, 'raw bytes', offset);
  if (header.opsBytes % OP_BYTES !== 0) throw batchError(offset, `${header.opsBytes} bytes of operations`);
  if (kind === BodyKind.PLAIN && header.wireBytes !== header.bodyBytes) {
    throw batchError(offset, `a plain body of ${header.bodyBytes} bytes is sent in ${header.wireBytes}`);
  }
  return { kind, ...header };
}

function bound(value: number, least: number, most: number, field: string, offset: number): void {
  if (value < least || value > most) throw batchError(offset, `${value} ${field}, expected ${least} to ${most}`);
}

export function batchError(offset: number, why: string, cause?: unknown): ProtocolError {
  return new ProtocolError('E_PROTOCOL_BATCH', `encoded stream, batch at offset ${offset}: ${why}`, {
    cause,
    hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
    data: { offset },
  });
}
