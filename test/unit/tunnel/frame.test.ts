import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../../../src/tunnel/frame-decoder.js';
import {
  FRAME_HEADER_BYTES,
  FrameType,
  MAX_DATA_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_OPEN_BYTES,
  bareFrame,
  checkPayload,
  decodeHeader,
  encodeHeader,
  type Frame,
} from '../../../src/tunnel/frame.js';
import { crc32 } from 'node:zlib';

const OPEN: Frame = { type: FrameType.OPEN, sequence: 0, offset: 0, payload: Buffer.from('{"for":"control"}') };

function bytesOf(frame: Frame): Buffer {
  return Buffer.concat([encodeHeader(frame), frame.payload]);
}

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

/** A header with one field changed and its checksum put right again. */
function forged(frame: Frame, change: (header: Buffer) => void): Buffer {
  const header = encodeHeader(frame);
  change(header);
  header.writeUInt32BE(crc32(header.subarray(0, 28)), 28);
  return header;
}

const sequences = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const payloads = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constant(FrameType.DATA),
    sequence: sequences,
    offset: sequences,
    payload: payloads,
  }),
  fc.record({ type: fc.constant(FrameType.MESSAGE), sequence: sequences, offset: fc.constant(0), payload: payloads }),
  fc.tuple(sequences, sequences).map(([sequence, offset]) => bareFrame(FrameType.ACK, sequence, offset)),
  fc.tuple(sequences, sequences).map(([sequence, offset]) => bareFrame(FrameType.END, sequence, offset)),
  sequences.map((sequence) => bareFrame(FrameType.PING, sequence)),
  fc.constant(bareFrame(FrameType.BYE)),
);

function plain(frame: Frame): unknown {
  return { ...frame, payload: Buffer.from(frame.payload).toString('hex') };
}

describe('the frame header', () => {
  it('is 32 bytes, laid out as PROTOCOL.md says', () => {
    const payload = Buffer.from('abc');
    const header = encodeHeader({ type: FrameType.DATA, sequence: 0x0102030405, offset: 0x060708090a, payload });
    expect(FRAME_HEADER_BYTES).toBe(32);
    const message = encodeHeader({ type: FrameType.MESSAGE, sequence: 1, offset: 0, payload });
    expect(message.subarray(24, 28).toString('hex')).toBe('352441c2');
    expect(header.toString('hex')).toBe(
      ['03', '00', '0000', '00000003', '0000000102030405', '000000060708090a', '00000000'].join('') +
        crc32(header.subarray(0, 28)).toString(16).padStart(8, '0'),
    );
  });

  it.each([
    ['type 0', (h: Buffer) => h.writeUInt8(0, 0), 'E_PROTOCOL_FRAME_TYPE'],
    ['an unknown type', (h: Buffer) => h.writeUInt8(10, 0), 'E_PROTOCOL_FRAME_TYPE'],
    ['a flag', (h: Buffer) => h.writeUInt8(1, 1), 'E_PROTOCOL_FRAME_RESERVED'],
    ['the reserved field', (h: Buffer) => h.writeUInt16BE(256, 2), 'E_PROTOCOL_FRAME_RESERVED'],
    ['a payload above the limit', (h: Buffer) => h.writeUInt32BE(MAX_DATA_BYTES + 1, 4), 'E_PROTOCOL_FRAME_LENGTH'],
    ['a payload of 4 GiB', (h: Buffer) => h.writeUInt32BE(0xffffffff, 4), 'E_PROTOCOL_FRAME_LENGTH'],
    ['no payload', (h: Buffer) => h.writeUInt32BE(0, 4), 'E_PROTOCOL_FRAME_LENGTH'],
    ['sequence 2^53', (h: Buffer) => h.writeBigUInt64BE(1n << 53n, 8), 'E_PROTOCOL_FRAME_RANGE'],
    ['offset 2^64-1', (h: Buffer) => h.writeBigUInt64BE((1n << 64n) - 1n, 16), 'E_PROTOCOL_FRAME_RANGE'],
  ])('refuses %s in a DATA frame', (_, change, expected) => {
    const data: Frame = { type: FrameType.DATA, sequence: 1, offset: 2, payload: Buffer.from('x') };
    expect(() => decodeHeader(forged(data, change), 0)).toThrow(code(expected));
  });

  it.each([
    [FrameType.OPEN, MAX_OPEN_BYTES],
    [FrameType.MESSAGE, MAX_MESSAGE_BYTES],
    [FrameType.PING, 0],
    [FrameType.BYE, 0],
    [FrameType.ACK, 0],
    [FrameType.END, 0],
    [FrameType.REFUSED, 16 * 1024],
  ])('bounds type %d at %d bytes', (type, most) => {
    const small: Frame = { type, sequence: 0, offset: 0, payload: Buffer.alloc(most === 0 ? 0 : 1) };
    expect(
      decodeHeader(
        forged(small, (h) => h.writeUInt32BE(most, 4)),
        0,
      ).payloadBytes,
    ).toBe(most);
    expect(() =>
      decodeHeader(
        forged(small, (h) => h.writeUInt32BE(most + 1, 4)),
        0,
      ),
    ).toThrow(code('E_PROTOCOL_FRAME_LENGTH'));
  });

  it('refuses numbers in fields that a type does not use', () => {
    const changes = [(h: Buffer) => h.writeUInt8(1, 15), (h: Buffer) => h.writeUInt8(1, 23)];
    for (const change of changes) {
      expect(() => decodeHeader(forged(bareFrame(FrameType.BYE), change), 0)).toThrow(code('E_PROTOCOL_FRAME_UNUSED'));
    }
  });

  it('tells text from frames: a login message is named as such', () => {
    const text = Buffer.from('Last login: Mon Nov 23 00:00:00\n');
    expect(() => decodeHeader(text, 0)).toThrow(
      expect.objectContaining({
        code: 'E_PROTOCOL_FRAME_HEADER',
        hint: expect.stringContaining('text') as string,
      }) as Error,
    );
  });

  it('refuses to send what no receiver would take', () => {
    const tooLong: Frame = {
      type: FrameType.MESSAGE,
      sequence: 0,
      offset: 0,
      payload: Buffer.alloc(MAX_MESSAGE_BYTES + 1),
    };
    expect(() => encodeHeader(tooLong)).toThrow(code('E_PROTOCOL_FRAME_LENGTH'));
    expect(() => encodeHeader({ ...OPEN, sequence: 1 })).toThrow(code('E_PROTOCOL_FRAME_UNUSED'));
  });
});

describe('the frame decoder', () => {
  it('gives the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 200 })), (list, cuts) => {
        const all = [OPEN, ...list];
        const bytes = Buffer.concat(all.map(bytesOf));
        const decoder = new FrameDecoder();
        const got: Frame[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          got.push(...decoder.push(bytes.subarray(at, at + cut)));
          at = Math.min(bytes.length, at + cut);
        }
        expect(got.map(plain)).toEqual(all.map(plain));
        expect(decoder.midFrame).toBe(false);
      }),
    );
  });

  it('gives the same frames byte by byte', () => {
    const data: Frame = { type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.from('some bytes') };
    const decoder = new FrameDecoder();
    const got = [...Buffer.concat([bytesOf(OPEN), bytesOf(data), bytesOf(bareFrame(FrameType.BYE))])].flatMap((byte) =>
      decoder.push(Buffer.from([byte])),
    );
    expect(got.map(plain)).toEqual([OPEN, data, bareFrame(FrameType.BYE)].map(plain));
  });

  it('does not copy a payload that lies in one chunk', () => {
    const chunk = bytesOf(OPEN);
    const [frame] = new FrameDecoder().push(chunk);
    expect(frame.payload.buffer).toBe(chunk.buffer);
  });

  it('F19: sees every flipped bit of a header, and of every payload but that of DATA, which the transport proves', () => {
    const message: Frame = { type: FrameType.MESSAGE, sequence: 7, offset: 0, payload: Buffer.from('a message') };
    const data: Frame = { type: FrameType.DATA, sequence: 7, offset: 9, payload: Buffer.from('guest memory') };
    const bytes = Buffer.concat([
      bytesOf(OPEN),
      bytesOf(message),
      bytesOf(bareFrame(FrameType.ACK, 1, 2)),
      encodeHeader(data),
    ]);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      expect(() => new FrameDecoder().push(flipped), `bit ${bit}`).toThrow(/frame/);
    }
  });

  it('F19: never takes random bytes for frames', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 400 }), (bytes) => {
        expect(() => new FrameDecoder().push(Buffer.from(bytes))).toThrow(/frame/);
      }),
    );
  });

  it('knows a truncation from an end', () => {
    const bytes = bytesOf(OPEN);
    for (let length = 1; length < bytes.length; length += 1) {
      const decoder = new FrameDecoder();
      expect(decoder.push(bytes.subarray(0, length))).toEqual([]);
      expect(decoder.midFrame).toBe(true);
    }
  });

  it('takes nothing large from a link that has not been opened, and opens it once', () => {
    const data: Frame = { type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.from('x') };
    expect(() => new FrameDecoder().push(bytesOf(data))).toThrow(code('E_PROTOCOL_FRAME_ORDER'));
    expect(() => new FrameDecoder().push(Buffer.concat([bytesOf(OPEN), bytesOf(OPEN)]))).toThrow(
      code('E_PROTOCOL_FRAME_ORDER'),
    );
  });

  it('refuses a payload that is not that of its checksum, and a checksum where there is none', () => {
    const message: Frame = { type: FrameType.MESSAGE, sequence: 1, offset: 0, payload: Buffer.from('abc') };
    const header = decodeHeader(encodeHeader(message), 0);
    expect(() => checkPayload(header, message.payload, 0)).not.toThrow();
    expect(() => checkPayload(header, Buffer.from('abd'), 0)).toThrow(code('E_PROTOCOL_FRAME_CRC'));
    const summed = forged(bareFrame(FrameType.PING), (h) => h.writeUInt32BE(1, 24));
    expect(() => decodeHeader(summed, 0)).toThrow(code('E_PROTOCOL_FRAME_CRC'));
  });
});
