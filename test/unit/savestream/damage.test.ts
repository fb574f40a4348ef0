import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamError } from '../../../src/errors/errors.js';
import { RECORD_HEADER_BYTES } from '../../../src/savestream/layout.js';
import { fixtureStream, FIXTURES } from '../../support/fixtures.js';
import { smallHvmParts, smallPvParts } from '../../support/small-stream.js';
import { goodStream } from './streams.js';
import { errorOf, recordsOf } from './transcript.js';

const hvm = Buffer.concat(smallHvmParts());
const pv = Buffer.concat(smallPvParts());

/** Each bit of these bytes turned, alone; the names of those that the parser takes all the same. */
function acceptedFlips(bytes: Buffer, places: readonly { at: number; length: number; name: string }[]): string[] {
  return places.flatMap(({ at, length, name }) =>
    Array.from({ length: length * 8 }, (_, bit) => bit).flatMap((bit) => {
      const copy = Buffer.from(bytes);
      copy[at + (bit >>> 3)] ^= 1 << (bit & 7);
      return errorOf(copy) === undefined ? [`${name} bit ${bit}`] : [];
    }),
  );
}

describe('a turned bit', () => {
  it('in a header is refused, but for the mark of a converted stream and the version of Xen', () => {
    const accepted = acceptedFlips(hvm, [
      { at: 0, length: 16, name: 'libxl' },
      { at: 24, length: 24, name: 'image' },
      { at: 48, length: 8, name: 'domain' },
    ]);
    // Bytes 12 to 15 are the options, big-endian: bit 1 of the last is LEGACY.
    expect(accepted).toEqual(['libxl bit 121']);
  });

  const recordHeaders = (bytes: Buffer): { at: number; length: number; name: string }[] =>
    recordsOf(bytes).map(({ offset, name, index }) => ({
      at: offset,
      length: RECORD_HEADER_BYTES,
      name: `${index} ${name}`,
    }));

  it('in a record header of an HVM stream is refused, unless what it makes is a good stream too', () => {
    expect(acceptedFlips(hvm, recordHeaders(hvm))).toMatchInlineSnapshot(`
      [
        "1 X86_CPUID_POLICY bit 31",
        "2 X86_MSR_POLICY bit 31",
        "4 PAGE_DATA bit 3",
        "4 PAGE_DATA bit 31",
        "5 PAGE_DATA bit 3",
        "5 PAGE_DATA bit 31",
        "6 X86_TSC_INFO bit 0",
        "6 X86_TSC_INFO bit 31",
        "7 HVM_PARAMS bit 1",
        "7 HVM_PARAMS bit 31",
        "8 HVM_CONTEXT bit 31",
        "8 HVM_CONTEXT bit 33",
        "10 EMULATOR_CONTEXT bit 31",
        "10 EMULATOR_CONTEXT bit 33",
      ]
    `);
  });

  it('in a record header of a PV stream is refused, unless what it makes is a good stream too', () => {
    expect(acceptedFlips(pv, recordHeaders(pv))).toMatchInlineSnapshot(`
      [
        "4 PAGE_DATA bit 2",
        "4 PAGE_DATA bit 31",
        "5 X86_TSC_INFO bit 31",
        "6 SHARED_INFO bit 31",
        "7 X86_PV_VCPU_BASIC bit 0",
        "7 X86_PV_VCPU_BASIC bit 1",
        "7 X86_PV_VCPU_BASIC bit 3",
        "7 X86_PV_VCPU_BASIC bit 31",
        "8 X86_PV_VCPU_EXTENDED bit 0",
        "8 X86_PV_VCPU_EXTENDED bit 31",
        "8 X86_PV_VCPU_EXTENDED bit 32",
        "8 X86_PV_VCPU_EXTENDED bit 33",
        "9 X86_PV_VCPU_XSAVE bit 1",
        "9 X86_PV_VCPU_XSAVE bit 31",
        "9 X86_PV_VCPU_XSAVE bit 32",
        "9 X86_PV_VCPU_XSAVE bit 33",
        "10 X86_PV_VCPU_MSRS bit 3",
        "10 X86_PV_VCPU_MSRS bit 31",
        "10 X86_PV_VCPU_MSRS bit 32",
        "10 X86_PV_VCPU_MSRS bit 33",
      ]
    `);
  });

  it('in the count and entries of PAGE_DATA is refused, unless it names another frame or a type like it', () => {
    const pages = recordsOf(hvm).find(({ name }) => name === 'PAGE_DATA')!;
    const at = pages.offset + RECORD_HEADER_BYTES;
    expect(acceptedFlips(hvm, [{ at, length: 8, name: 'count' }])).toEqual([]);
    const entry = acceptedFlips(hvm, [{ at: at + 8, length: 8, name: 'pfn' }]);
    const frames = Array.from({ length: 52 }, (_, bit) => `pfn bit ${bit}`);
    // From NOTAB to L1TAB, L2TAB and L4TAB; 0x8 is reserved.
    expect(entry).toEqual([...frames, 'pfn bit 60', 'pfn bit 61', 'pfn bit 62']);
  });
});

describe('a stream that ends early', () => {
  it.each(FIXTURES)(
    'is refused at every record and in its middle: %s',
    (name) => {
      const bytes = fixtureStream(name);
      const records = recordsOf(bytes);
      for (const { offset, length, index } of records) {
        for (const at of [offset, offset + 4, offset + 8, offset + 8 + Math.floor(length / 2)]) {
          if (at >= bytes.length) continue;
          const error = errorOf(bytes.subarray(0, at));
          expect(error?.code, `cut at ${at}`).toBe('E_STREAM_TRUNCATED');
          expect(error?.data.offset, `cut at ${at}`).toBeLessThanOrEqual(at);
          if (at > offset + 8) expect(error?.data.record).toBe(index);
        }
      }
    },
    120_000,
  );

  it('is refused wherever it is cut, for streams of every kind', () => {
    fc.assert(
      fc.property(goodStream, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (parts, share) => {
        const bytes = Buffer.concat(parts);
        expect(errorOf(bytes.subarray(0, Math.floor(bytes.length * share)))?.code).toBe('E_STREAM_TRUNCATED');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('any damage at all gives a StreamError or another reading, and nothing else', () => {
  const run = (bytes: Buffer, chunk: number): void => {
    const error = errorOf(bytes, chunk);
    if (error === undefined) return;
    expect(error).toBeInstanceOf(StreamError);
    expect(error.message).toMatch(/^offset 0x[0-9a-f]+, /);
    expect(error.hint).toBeTruthy();
    expect(typeof error.data.offset).toBe('number');
  };
  const chunk = fc.integer({ min: 1, max: 5000 });

  it('bytes changed in streams of every kind', () => {
    const change = fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255));
    fc.assert(
      fc.property(goodStream, fc.array(change, { minLength: 1, maxLength: 8 }), chunk, (parts, changes, size) => {
        const bytes = Buffer.concat(parts);
        for (const [share, value] of changes) bytes[Math.floor(share * bytes.length)] = value;
        run(bytes, size);
      }),
      { numRuns: 2000 },
    );
  });

  it('32-bit fields changed to telling values', () => {
    const value = fc.constantFrom(0, 1, 7, 8, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff, 1024, 1025);
    fc.assert(
      fc.property(goodStream, fc.nat(), value, chunk, (parts, pick, number, size) => {
        const bytes = Buffer.concat(parts);
        const fields = recordsOf(bytes).flatMap(({ offset, length }) =>
          Array.from({ length: 2 + Math.min(6, Math.floor(length / 4)) }, (_, index) => offset + 4 * index),
        );
        bytes.writeUInt32LE(number, fields[pick % fields.length]);
        run(bytes, size);
      }),
      { numRuns: 2000 },
    );
  });

  it('parts left out, repeated and exchanged', () => {
    fc.assert(
      fc.property(
        goodStream,
        fc.array(fc.tuple(fc.constantFrom('drop', 'repeat', 'swap'), fc.nat(), fc.nat()), {
          minLength: 1,
          maxLength: 3,
        }),
        chunk,
        (parts, moves, size) => {
          const changed = [...parts];
          for (const [move, a, b] of moves) {
            const [from, to] = [a % changed.length, b % changed.length];
            if (move === 'drop' && changed.length > 1) changed.splice(from, 1);
            else if (move === 'repeat') changed.splice(to, 0, changed[from]);
            else [changed[from], changed[to]] = [changed[to], changed[from]];
          }
          run(Buffer.concat(changed), size);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('headers left out or exchanged are always refused', () => {
    const parts = smallHvmParts();
    for (const index of [0, 1, 2, 3]) {
      const without = parts.filter((_, other) => other !== index);
      expect(errorOf(Buffer.concat(without)), `without part ${index}`).toBeInstanceOf(StreamError);
      const swapped = [...parts];
      [swapped[index], swapped[index + 1]] = [swapped[index + 1], swapped[index]];
      expect(errorOf(Buffer.concat(swapped)), `part ${index} behind the next`).toBeInstanceOf(StreamError);
    }
  });
});
