import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../../src/errors/errors.js';
import {
  encodeDomainHeader,
  encodeImageHeader,
  encodeLibxlHeader,
  encodePageDataHeader,
  encodeRecord,
} from '../../../src/savestream/encode.js';
import { decodeDomainHeader, decodeImageHeader, decodeLibxlHeader } from '../../../src/savestream/headers.js';
import * as layout from '../../../src/savestream/layout.js';
import { SaveStreamParser } from '../../../src/savestream/parser.js';
import { fixtureStream, FIXTURES } from '../../support/fixtures.js';
import { pageData, smallHvmParts } from '../../support/small-stream.js';
import { goodStream } from './streams.js';
import { recordsOf, transcript } from './transcript.js';

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const at = { offset: 0, what: 'test' };

describe('the layout', () => {
  it('has the sizes of the specifications', () => {
    expect(encodeLibxlHeader()).toHaveLength(16);
    expect(encodeImageHeader({ version: 3 })).toHaveLength(24);
    expect(encodeDomainHeader({ type: 'x86-pv', xenMajor: 4, xenMinor: 17 })).toHaveLength(16);
    expect(encodeRecord(1)).toHaveLength(8);
    expect(encodePageDataHeader([{ pfn: 0, type: 0 }])).toHaveLength(8 + 8 + 8);
  });

  it('has the bytes of the specifications', () => {
    expect(hex(encodeLibxlHeader())).toBe('4c6962786c466d740000000200000000');
    expect(hex(encodeImageHeader({ version: 2 }))).toBe('ffffffffffffffff58454e46000000020000000000000000');
    expect(hex(encodeDomainHeader({ type: 'x86-hvm', xenMajor: 4, xenMinor: 17 }))).toBe(
      '020000000c0000000400000011000000',
    );
    expect(hex(encodeRecord(9, Buffer.from('abc')))).toBe('09000000030000006162630000000000');
    expect(hex(encodePageDataHeader([{ pfn: 0xf_2345_6789_abcd, type: layout.PageType.L4TAB_PIN }]))).toBe(
      '01000000' + '10100000' + '0100000000000000' + 'cdab8967' + '45230fc0',
    );
  });

  it('names every record of both specifications, in their order and without a gap', () => {
    expect(Object.values(layout.LibxlRecord)).toEqual(Array.from({ length: 6 }, (_, index) => index));
    expect(Object.values(layout.LibxcRecord)).toEqual(Array.from({ length: 19 }, (_, index) => index));
    expect(layout.recordName('libxl', 5)).toBe('CHECKPOINT_STATE');
    expect(layout.recordName('libxc', 5)).toBe('X86_PV_VCPU_EXTENDED');
    expect(layout.recordName('libxc', 19)).toBeUndefined();
  });

  it('knows which page types there are, and which have content', () => {
    const types = Array.from({ length: 16 }, (_, type) => type);
    expect(types.filter(layout.isPageType)).toEqual([0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15]);
    expect(types.filter(layout.isPageType).filter(layout.hasPageData)).toEqual([0, 1, 2, 3, 4, 9, 10, 11, 12]);
  });

  it('takes no PAGE_DATA without entries, and none of more than 1024', () => {
    const entries = Array.from({ length: 1025 }, (_, pfn) => ({ pfn, type: 0 }));
    expect(() => encodePageDataHeader([])).toThrow(InvariantError);
    expect(() => encodePageDataHeader(entries)).toThrow(InvariantError);
    expect(encodePageDataHeader(entries.slice(1))).toHaveLength(8 + 8 + 8 * 1024);
  });
});

describe('what the writer wrote, the parser reads', () => {
  it('in the headers', () => {
    expect(decodeLibxlHeader(view(encodeLibxlHeader()), at)).toEqual({ version: 2, bigEndian: false, legacy: false });
    for (const version of [2, 3] as const) {
      expect(decodeImageHeader(view(encodeImageHeader({ version })), at)).toEqual({ version, bigEndian: false });
    }
    for (const type of ['x86-pv', 'x86-hvm'] as const) {
      const header = { type, xenMajor: 4, xenMinor: 0xffff_ffff };
      expect(decodeDomainHeader(view(encodeDomainHeader(header)), true, at)).toEqual(header);
    }
  });

  it('in streams of every kind: each part is a header or a record, where it was put', () => {
    fc.assert(
      fc.property(goodStream, (parts) => {
        const headers = new Set([0, 2, 3]);
        let offset = 0;
        const expected = parts.flatMap((part, index) => {
          const here = offset;
          offset += part.length;
          return headers.has(index) ? [] : [[here, part.readUInt32LE(0), part.readUInt32LE(4)]];
        });
        expect(recordsOf(Buffer.concat(parts)).map((one) => [one.offset, one.type, one.length])).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('in page entries of any frame and type', () => {
    const parts = smallHvmParts();
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            pfn: fc.integer({ min: 0, max: 2 ** 52 - 1 }),
            type: fc.constantFrom(...Object.values(layout.PageType)),
          }),
          { minLength: 1, maxLength: 20 },
        ),
        (entries) => {
          const got: { pfn: number; type: number }[] = [];
          const contents: number[] = [];
          const parser = new SaveStreamParser({
            pages: (_record, pfns, types, count) => {
              for (let index = 0; index < count; index += 1) got.push({ pfn: pfns[index], type: types[index] });
            },
            page: (pfn, _type, bytes) => contents.push(pfn, bytes[17]),
          });
          parser.push(Buffer.concat([...parts.slice(0, 7), pageData(entries, (pfn) => pfn % 251)]));
          expect(got).toEqual(entries);
          const withData = entries.filter(({ type }) => layout.hasPageData(type));
          expect(contents).toEqual(withData.flatMap(({ pfn }) => [pfn, pfn % 251]));
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('any chunks', () => {
  it('give the same events, for streams of every kind', () => {
    fc.assert(
      fc.property(
        goodStream,
        fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }),
        (parts, sizes) => {
          const bytes = Buffer.concat(parts);
          expect(transcript(bytes, sizes)).toEqual(transcript(bytes));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(FIXTURES)('give the same events, for %s', (name) => {
    const bytes = fixtureStream(name);
    const whole = transcript(bytes);
    for (const sizes of [[4096], [65_536], [1, 7, 4095, 8191], [13]]) expect(transcript(bytes, sizes)).toEqual(whole);
  });

  it('leave a whole page where it lies, and copy only one that is cut', () => {
    const bytes = Buffer.concat(smallHvmParts());
    const own = (sizes: number): boolean[] => {
      const same: boolean[] = [];
      const parser = new SaveStreamParser({ page: (_pfn, _type, page) => same.push(page.buffer === bytes.buffer) });
      for (let from = 0; from < bytes.length; from += sizes) parser.push(bytes.subarray(from, from + sizes));
      return same;
    };
    expect(own(bytes.length)).toEqual([true, true, true]);
    expect(own(4000)).toEqual([false, false, false]);
  });
});
