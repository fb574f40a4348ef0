import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/errors/errors.js';
import { encodePageDataHeader, encodeRecord } from '../../../src/savestream/encode.js';
import { LibxcRecord, LibxlRecord, PageType } from '../../../src/savestream/layout.js';
import { SaveStreamParser } from '../../../src/savestream/parser.js';
import { fixtureStream } from '../../support/fixtures.js';
import { pageData, smallHvmParts, smallPvParts } from '../../support/small-stream.js';
import { errorOf, transcript } from './transcript.js';

const hvm = Buffer.concat(smallHvmParts());

describe('save stream parser', () => {
  it('reads every record of HVM and PV images, version 2 and 3', () => {
    expect(transcript(hvm)).toMatchSnapshot();
    expect(transcript(Buffer.concat(smallPvParts()))).toMatchSnapshot();
    expect(transcript(Buffer.concat(smallHvmParts(2)))).toMatchSnapshot();
  });

  it('says the same whatever the chunks', () => {
    const whole = transcript(hvm);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        expect(transcript(hvm, sizes)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
    expect(transcript(hvm, [1])).toEqual(whole);
  });

  it('follows a checkpointed stream between the layers', () => {
    const parts = smallHvmParts();
    const context = parts.slice(0, -3);
    const checkpoint = [
      ...context,
      encodeRecord(LibxcRecord.CHECKPOINT),
      encodeRecord(LibxlRecord.CHECKPOINT_END),
      pageData([{ pfn: 2, type: PageType.NOTAB }], () => 3),
      encodeRecord(LibxcRecord.END),
      encodeRecord(LibxlRecord.END),
    ];
    const said = transcript(Buffer.concat(checkpoint));
    expect(said.filter((line) => line.includes('CHECKPOINT'))).toHaveLength(2);
    expect(said.at(-2)).toMatch(/^libxl END 0/);
  });

  it('passes optional records of either layer through', () => {
    const parts = smallHvmParts();
    parts.splice(-1, 0, Buffer.from(encodeRecord(0x8000_0042, Buffer.from('hello'))));
    parts.splice(5, 0, Buffer.from(encodeRecord(0x9000_0000, Buffer.from('you'))));
    const said = transcript(Buffer.concat(parts));
    expect(said.join('\n')).toContain('libxl 0x80000042 5');
    expect(said.join('\n')).toContain('libxc 0x90000000 3');
  });

  it('places a count over the limit as the README promises', () => {
    const bytes = Buffer.concat(smallHvmParts());
    const at = bytes.indexOf(
      Buffer.from(
        encodePageDataHeader([
          { pfn: 0, type: 0 },
          { pfn: 1, type: 15 },
          { pfn: 2, type: 0 },
        ]),
      ),
    );
    bytes.writeUInt32LE(5000, at + 8);
    expect(errorOf(bytes)?.message).toBe(
      `offset 0x${at.toString(16)}, record 4 PAGE_DATA: count 5000 over the limit 1024`,
    );
  });

  it('refuses a stream that ends anywhere before its end', () => {
    for (let length = 0; length < hvm.length; length += length < 300 ? 1 : 97) {
      const error = errorOf(hvm.subarray(0, length));
      expect(error?.code, `cut at ${length}`).toBe('E_STREAM_TRUNCATED');
    }
  });

  it('refuses bytes behind the end', () => {
    expect(errorOf(Buffer.concat([hvm, Buffer.alloc(1)]))?.code).toBe('E_STREAM_TRAILING');
  });

  it('refuses records out of their order', () => {
    const parts = smallHvmParts();
    const swapped = (a: number, b: number): Buffer => {
      const copy = [...parts];
      [copy[a], copy[b]] = [copy[b], copy[a]];
      return Buffer.concat(copy);
    };
    expect(errorOf(swapped(6, 7))?.message).toContain('comes before STATIC_DATA_END');
    expect(errorOf(Buffer.concat([parts[0], parts[13]]))?.message).toContain('comes before LIBXC_CONTEXT');
    expect(errorOf(Buffer.concat([parts[0], parts[14]]))?.code).toBe('E_STREAM_ORDER');
    const pv = smallPvParts();
    expect(errorOf(Buffer.concat([...pv.slice(0, 6), ...pv.slice(7)]))?.message).toContain(
      'comes before X86_PV_P2M_FRAMES',
    );
    expect(errorOf(Buffer.concat([...parts.slice(0, 7), pv[6], ...parts.slice(7)]))?.message).toContain(
      'not valid in an HVM image',
    );
    const v2 = smallHvmParts(2);
    expect(errorOf(Buffer.concat([...v2.slice(0, 4), parts[6], ...v2.slice(4)]))?.message).toContain(
      'not valid in an image of version 2',
    );
  });

  it.each([
    ['ident', 0, 0, 'E_STREAM_IDENT'],
    ['libxl version', 11, 3, 'E_STREAM_VERSION'],
    ['libxl options', 15, 4, 'E_STREAM_RESERVED'],
    ['mandatory record type', 16, 0x77, 'E_STREAM_RECORD'],
    ['length of an empty record', 20, 8, 'E_STREAM_LENGTH'],
    ['image marker', 24, 0, 'E_STREAM_IDENT'],
    ['image id', 32, 0, 'E_STREAM_IDENT'],
    ['image version', 39, 4, 'E_STREAM_VERSION'],
    ['image options', 41, 2, 'E_STREAM_RESERVED'],
    ['image reserved', 44, 1, 'E_STREAM_RESERVED'],
    ['byte order unlike the libxl header', 41, 1, 'E_STREAM_FIELD'],
    ['domain type', 48, 9, 'E_STREAM_FIELD'],
    ['page shift', 52, 13, 'E_STREAM_FIELD'],
    ['domain header reserved', 54, 1, 'E_STREAM_RESERVED'],
    ['a giant length', 71, 0xff, 'E_STREAM_LENGTH'],
  ])('refuses a wrong %s', (_what, at, value, code) => {
    const bytes = Buffer.from(hvm);
    bytes[at] = value;
    expect(errorOf(bytes)?.code).toBe(code);
  });

  it('refuses page entries with reserved bits, reserved types and lengths that do not fit', () => {
    const parts = smallHvmParts();
    const before = Buffer.concat(parts.slice(0, 7)).length;
    for (const [at, value, code] of [
      [12, 1, 'E_STREAM_RESERVED'],
      [8, 0, 'E_STREAM_COUNT'],
      [22, 0x10, 'E_STREAM_RESERVED'],
      [23, 0x50, 'E_STREAM_PAGE_TYPE'],
      [23, 0xf0, 'E_STREAM_LENGTH'],
      [4, 0x28, 'E_STREAM_LENGTH'],
    ] as const) {
      const bytes = Buffer.from(hvm);
      bytes[before + at] = value;
      expect(errorOf(bytes)?.code, `byte ${at}`).toBe(code);
    }
  });

  it('refuses padding that is not zero', () => {
    const parts = smallHvmParts();
    const context = parts.findIndex((part) => part.readUInt32LE(0) === LibxcRecord.HVM_CONTEXT && part.length === 24);
    parts[context][parts[context].length - 1] = 1;
    expect(errorOf(Buffer.concat(parts))?.code).toBe('E_STREAM_PADDING');
  });

  it('answers any damage with a StreamError or another reading, never with anything else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(hvm.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 5000 }),
        (flips, size) => {
          const bytes = Buffer.from(hvm);
          for (const [at, value] of flips) bytes[at] = value;
          try {
            transcript(bytes, [size]);
          } catch (error) {
            expect(error).toBeInstanceOf(StreamError);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('answers any bytes at all with a StreamError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(errorOf(Buffer.concat([hvm.subarray(0, 16), bytes]))).toBeInstanceOf(StreamError);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads big-endian records where the headers say so', () => {
    const big = Buffer.alloc(16 + 8);
    Buffer.from('LibxlFmt').copy(big);
    big.writeUInt32BE(2, 8);
    big.writeUInt32BE(1, 12);
    big.writeUInt32BE(LibxlRecord.LIBXC_CONTEXT, 16);
    const said: boolean[] = [];
    const parser = new SaveStreamParser({
      libxlHeader: ({ bigEndian }) => said.push(bigEndian),
      record: ({ name }) => said.push(name === 'LIBXC_CONTEXT'),
    });
    parser.push(big);
    expect(said).toEqual([true, true]);
  });

  it('holds a page at most, whatever the stream', () => {
    const bytes = fixtureStream('xen-4.17-pvh-live');
    const before = process.memoryUsage().arrayBuffers;
    const parser = new SaveStreamParser();
    for (let turn = 0; turn < bytes.length; turn += 50_000) parser.push(bytes.subarray(turn, turn + 50_000));
    parser.end();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});
