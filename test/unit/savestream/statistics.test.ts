import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../src/savestream/encode.js';
import { FingerprintSet } from '../../../src/savestream/fingerprint-set.js';
import { FrameSet } from '../../../src/savestream/frame-set.js';
import { LibxlRecord, PAGE_BYTES } from '../../../src/savestream/layout.js';
import { PageFingerprint } from '../../../src/savestream/page-fingerprint.js';
import { StreamSummarizer } from '../../../src/savestream/summary.js';
import { smallHvmParts } from '../../support/small-stream.js';

describe('a page fingerprint', () => {
  const fingerprint = new PageFingerprint();
  const of = (page: Uint8Array): string | undefined =>
    fingerprint.take(page) ? `${fingerprint.high} ${fingerprint.low}` : undefined;

  it('is none for zero pages only', () => {
    const page = Buffer.alloc(PAGE_BYTES);
    expect(of(page)).toBeUndefined();
    for (const at of [0, 1, 2047, 4095]) {
      const other = Buffer.from(page);
      other[at] = 1;
      expect(of(other), `byte ${at}`).toBeDefined();
    }
  });

  it('is the same wherever the page lies', () => {
    const page = Buffer.from(Array.from({ length: PAGE_BYTES }, (_, index) => (index * 7) & 0xff));
    const wide = Buffer.alloc(PAGE_BYTES + 8);
    for (let shift = 0; shift < 8; shift += 1) {
      wide.set(page, shift);
      expect(of(wide.subarray(shift, shift + PAGE_BYTES))).toBe(of(page));
    }
  });

  it.each([
    ['a counter in the first word', [0]],
    ['a counter in the last word', [1023]],
    ['a counter and its twin in two even words', [2, 512]],
    ['a counter and its twin in two odd words', [1, 1023]],
    ['a counter in each word of a line', [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('tells 20 000 pages apart that differ by %s', (_what, words) => {
    const page = Buffer.alloc(PAGE_BYTES, 0x5a);
    const [whole, low] = [new Set<string | undefined>(), new Set<number>()];
    for (let count = 0; count < 20_000; count += 1) {
      words.forEach((word, index) => page.writeInt32LE(index % 2 === 0 ? count : ~count ^ 0x55aa, word * 4));
      whole.add(of(page));
      low.add(fingerprint.low & 0xffff);
    }
    expect(whole.size).toBe(20_000);
    // Spread over the table too: 20 000 throws at 65 536 slots hit 17 240 of them, give or take 80.
    expect(low.size).toBeGreaterThan(16_000);
  });
});

describe('the set of fingerprints', () => {
  it('remembers what it was given, as any set does', () => {
    const half = fc.oneof(fc.nat(3), fc.integer({ min: 0, max: 0xffff_ffff }));
    fc.assert(
      fc.property(fc.array(fc.tuple(half, half), { maxLength: 400 }), (pairs) => {
        const [ours, theirs] = [new FingerprintSet(), new Set<string>()];
        for (const [high, low] of pairs) {
          // Two zeroes stand for an empty slot and are counted as (0, 1).
          const key = high === 0 && low === 0 ? '0 1' : `${high} ${low}`;
          expect(ours.seen(high, low)).toBe(theirs.has(key));
          theirs.add(key);
        }
        expect(ours.forgot).toBe(false);
      }),
    );
  });

  it('grows, and keeps all', () => {
    const set = new FingerprintSet();
    const at = (index: number): [number, number] => [
      Math.imul(index, 0x9e37_79b1) >>> 0,
      Math.imul(index, 0x85eb_ca6b) >>> 0,
    ];
    for (let index = 1; index <= 100_000; index += 1) if (set.seen(...at(index))) expect.fail(`had ${index}`);
    for (let index = 1; index <= 100_000; index += 1) if (!set.seen(...at(index))) expect.fail(`lost ${index}`);
    expect(set.forgot).toBe(false);
  });

  it('takes no more than its bound, and says so', () => {
    const set = new FingerprintSet(10);
    for (let index = 1; index <= 10; index += 1) set.seen(index, index * 3);
    expect(set.forgot).toBe(false);
    expect(set.seen(99, 1)).toBe(false);
    expect(set.seen(99, 1)).toBe(false);
    expect(set.seen(1, 3)).toBe(true);
    expect(set.forgot).toBe(true);
  });

  it('gives up on fingerprints made to crowd one place, instead of searching ever longer', () => {
    const set = new FingerprintSet();
    const crowd = (index: number): [number, number] => [index, index];
    for (let index = 1; index <= 300_000; index += 1) set.seen(...crowd(index));
    expect(set.forgot).toBe(true);
    expect(set.seen(...crowd(1))).toBe(true);
    expect(set.seen(...crowd(300_000))).toBe(false);
  }, 5000);
});

describe('the set of frames', () => {
  it('remembers frames from all over the address space', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 52 - 1 })), { maxLength: 300 }),
        (frames) => {
          const [ours, theirs] = [new FrameSet(), new Set<number>()];
          for (const pfn of frames) {
            expect(ours.seen(pfn)).toBe(theirs.has(pfn));
            theirs.add(pfn);
          }
        },
      ),
    );
  });

  it('has a bound, and says when it is reached', () => {
    const set = new FrameSet();
    for (let part = 0; part < 16_384; part += 1) set.seen(part * 32_768);
    expect(set.forgot).toBe(false);
    expect(set.seen(2 ** 51)).toBe(false);
    expect(set.seen(2 ** 51)).toBe(false);
    expect(set.forgot).toBe(true);
    expect(set.seen(0)).toBe(true);
  });
});

describe('the count of records', () => {
  it('puts optional records of ever more types together, by their layer', () => {
    const parts = smallHvmParts();
    const optional = (count: number): Buffer[] =>
      Array.from({ length: count }, (_, index) => Buffer.from(encodeRecord(0x8000_0000 + index, Buffer.alloc(3))));
    parts.splice(5, 0, ...optional(200));
    parts.splice(-1, 0, ...optional(100));
    const summarizer = new StreamSummarizer();
    summarizer.push(Buffer.concat(parts));
    const { records } = summarizer.end();
    const unnamed = records.filter(({ name }) => name.startsWith('0x'));
    expect(unnamed).toHaveLength(256);
    expect(unnamed.every(({ count, bytes }) => count === 1 && bytes === 3)).toBe(true);
    expect(records.filter(({ name }) => name.startsWith('other'))).toEqual([
      { layer: 'libxl', type: -1, name: 'other optional records', count: 44, bytes: 132 },
    ]);
    expect(records.at(-1)).toMatchObject({ layer: 'libxl', type: LibxlRecord.END, count: 1 });
  });
});
