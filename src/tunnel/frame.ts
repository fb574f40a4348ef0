import { crc32 } from 'node:zlib';
import type { ErrorCode } from '../errors/codes.js';
import { ProtocolError } from '../errors/errors.js';

/*
 * Frame header, 32 bytes, big-endian. Layout and meaning of every field: PROTOCOL.md,
 * "Frames and lanes".
 */
export const FRAME_HEADER_BYTES = 32;

const AT_TYPE = 0;
const AT_FLAGS = 1;
const AT_RESERVED = 2;
const AT_LENGTH = 4;
const AT_SEQUENCE = 8;
const AT_OFFSET = 16;
const AT_PAYLOAD_CRC = 24;
const AT_HEADER_CRC = 28;

/** Frame types. Zero is never valid. */
export const FrameType = {
  OPEN: 1,
  MESSAGE: 2,
  DATA: 3,
  END: 4,
  ACK: 5,
  PING: 6,
  PONG: 7,
  REFUSED: 8,
  BYE: 9,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

const KIB = 1024;
const MIB = 1024 * KIB;

interface TypeRule {
  readonly type: FrameType;
  readonly name: keyof typeof FrameType;
  /** Least and most payload bytes; checked before anything is allocated. */
  readonly min: number;
  readonly max: number;
  /** Whether the sequence and offset fields mean something; else they must be zero. */
  readonly sequence: boolean;
  readonly offset: boolean;
}

const RULES: readonly TypeRule[] = [
  { type: FrameType.OPEN, name: 'OPEN', min: 1, max: 64 * KIB, sequence: false, offset: false },
  { type: FrameType.MESSAGE, name: 'MESSAGE', min: 1, max: 4 * MIB, sequence: true, offset: false },
  { type: FrameType.DATA, name: 'DATA', min: 1, max: 4 * MIB, sequence: true, offset: true },
  { type: FrameType.END, name: 'END', min: 0, max: 0, sequence: true, offset: true },
  { type: FrameType.ACK, name: 'ACK', min: 0, max: 0, sequence: true, offset: true },
  { type: FrameType.PING, name: 'PING', min: 0, max: 0, sequence: true, offset: false },
  { type: FrameType.PONG, name: 'PONG', min: 0, max: 0, sequence: true, offset: false },
  { type: FrameType.REFUSED, name: 'REFUSED', min: 1, max: 16 * KIB, sequence: false, offset: false },
  { type: FrameType.BYE, name: 'BYE', min: 0, max: 0, sequence: false, offset: false },
];

const RULE_BY_TYPE = new Map<number, TypeRule>(RULES.map((rule) => [rule.type, rule]));

/** Most payload bytes of one DATA frame. */
export const MAX_DATA_BYTES = 4 * MIB;
/** Most payload bytes of one MESSAGE frame. */
export const MAX_MESSAGE_BYTES = 4 * MIB;
/** Most payload bytes of one OPEN frame. */
export const MAX_OPEN_BYTES = 64 * KIB;
/** Most payload bytes of one REFUSED frame. */
export const MAX_REFUSED_BYTES = 16 * KIB;

/** One frame of a link, with its payload; its layout is in PROTOCOL.md. */
export interface Frame {
  readonly type: FrameType;
  /** DATA, END, ACK, MESSAGE: position in its order; PING, PONG: which one; else 0. A safe integer. */
  readonly sequence: number;
  /** DATA: offset of the payload in the carried bytes; END, ACK: bytes so far; else 0. A safe integer. */
  readonly offset: number;
  readonly payload: Uint8Array;
}

/** The payload's description in a checked header. */
export interface FrameHeader {
  readonly type: FrameType;
  readonly sequence: number;
  readonly offset: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

export const NO_PAYLOAD = new Uint8Array(0);

/** A frame without payload. */
export function bareFrame(type: FrameType, sequence = 0, offset = 0): Frame {
  return { type, sequence, offset, payload: NO_PAYLOAD };
}

/** The type's name, for messages. */
export function frameName(type: number): string {
  return RULE_BY_TYPE.get(type)?.name ?? `type ${type}`;
}

/**
 * The 32 bytes that go before the payload. Checks its arguments by the receiver's
 * rules, so that an error of this side is detected here.
 */
export function encodeHeader(frame: Frame): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt8(frame.type, AT_TYPE);
  header.writeUInt8(0, AT_FLAGS);
  header.writeUInt16BE(0, AT_RESERVED);
  header.writeUInt32BE(frame.payload.length, AT_LENGTH);
  header.writeBigUInt64BE(BigInt(frame.sequence), AT_SEQUENCE);
  header.writeBigUInt64BE(BigInt(frame.offset), AT_OFFSET);
  header.writeUInt32BE(hasChecksum(frame.type, frame.payload.length) ? crc32(frame.payload) : 0, AT_PAYLOAD_CRC);
  header.writeUInt32BE(crc32(header.subarray(0, AT_HEADER_CRC)), AT_HEADER_CRC);
  checkHeader(header, 0);
  return header;
}

/**
 * Parses and checks one header. `at` is the header's position in the bytes of the link, for
 * messages. Throws `ProtocolError` `E_PROTOCOL_FRAME_*`.
 */
export function decodeHeader(header: Buffer, at: number): FrameHeader {
  const wanted = header.readUInt32BE(AT_HEADER_CRC);
  const got = crc32(header.subarray(0, AT_HEADER_CRC));
  if (wanted !== got) {
    throw new ProtocolError('E_PROTOCOL_FRAME_HEADER', `frame header at byte ${at} does not match its checksum`, {
      hint: looksLikeText(header)
        ? 'The far end sent text instead of frames: a login message, an error, or another program answers there.'
        : 'Something between the hosts changed the bytes, or another program answers there. Run it again.',
      data: { at, wanted, got },
    });
  }
  return checkHeader(header, at);
}

function checkHeader(header: Buffer, at: number): FrameHeader {
  const type = header.readUInt8(AT_TYPE);
  const rule = RULE_BY_TYPE.get(type);
  if (rule === undefined)
    throw broken('E_PROTOCOL_FRAME_TYPE', `frame at byte ${at}: type ${type} is not known`, { at, type });
  const flags = header.readUInt8(AT_FLAGS);
  const reserved = header.readUInt16BE(AT_RESERVED);
  if (flags !== 0 || reserved !== 0) {
    const problem = `${rule.name} frame at byte ${at}: flags ${flags} and reserved field ${reserved} must be 0`;
    throw broken('E_PROTOCOL_FRAME_RESERVED', problem, { at, flags, reserved });
  }
  const payloadBytes = header.readUInt32BE(AT_LENGTH);
  if (payloadBytes < rule.min || payloadBytes > rule.max) {
    const problem = `${rule.name} frame at byte ${at}: payload of ${payloadBytes} bytes, may have ${rule.min} to ${rule.max}`;
    throw broken('E_PROTOCOL_FRAME_LENGTH', problem, { at, payloadBytes, min: rule.min, max: rule.max });
  }
  const sequence = safeInteger(header, AT_SEQUENCE, `${rule.name} frame at byte ${at}: sequence`);
  const offset = safeInteger(header, AT_OFFSET, `${rule.name} frame at byte ${at}: offset`);
  if ((!rule.sequence && sequence !== 0) || (!rule.offset && offset !== 0)) {
    const problem = `${rule.name} frame at byte ${at}: sequence ${sequence} and offset ${offset} must be 0 where unused`;
    throw broken('E_PROTOCOL_FRAME_UNUSED', problem, { at, sequence, offset });
  }
  const payloadCrc = header.readUInt32BE(AT_PAYLOAD_CRC);
  if (!hasChecksum(rule.type, payloadBytes) && payloadCrc !== 0) {
    throw broken(
      'E_PROTOCOL_FRAME_CRC',
      `${rule.name} frame at byte ${at}: checksum ${payloadCrc} where there is none must be 0`,
      {
        at,
      },
    );
  }
  return { type: rule.type, sequence, offset, payloadBytes, payloadCrc };
}

/**
 * DATA goes without a checksum of its own: the transport's encryption proves every byte of it, the digest of
 * the whole stream proves the rest of the way, and a third sum would cost as much as the encryption.
 */
function hasChecksum(type: FrameType, payloadBytes: number): boolean {
  return payloadBytes > 0 && type !== FrameType.DATA;
}

/** Throws unless the payload matches the header's checksum, if it has one. */
export function checkPayload(header: FrameHeader, payload: Uint8Array, at: number): void {
  if (!hasChecksum(header.type, header.payloadBytes)) return;
  const got = crc32(payload);
  if (got === header.payloadCrc) return;
  const problem = `${frameName(header.type)} frame at byte ${at}: the payload does not match its checksum`;
  throw broken('E_PROTOCOL_FRAME_CRC', problem, { at, wanted: header.payloadCrc, got });
}

function safeInteger(header: Buffer, at: number, field: string): number {
  const value = header.readBigUInt64BE(at);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw broken('E_PROTOCOL_FRAME_RANGE', `${field} ${value.toString()} is past 2^53-1`, {
      field,
      value: value.toString(),
    });
  }
  return Number(value);
}

function looksLikeText(header: Buffer): boolean {
  return header.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

function broken(code: ErrorCode, message: string, data: Record<string, string | number>): ProtocolError {
  return new ProtocolError(code, message, {
    hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
    data,
  });
}
