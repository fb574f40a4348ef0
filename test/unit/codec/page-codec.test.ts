import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_HEADER_BYTES, BodyKind, decodeBatchHeader, encodeBatchHeader, Op } from '../../../src/codec/batch.js';
import { BatchReader } from '../../../src/codec/batch-reader.js';
import type { RawBatch } from '../../../src/codec/batch-builder.js';
import { DECODE_AHEAD_BYTES, PageDecoder } from '../../../src/codec/page-decoder.js';
import { PageEncoder } from '../../../src/codec/page-encoder.js';
import { applyDelta, encodeDelta, MAX_DELTA_BYTES } from '../../../src/codec/page-delta.js';
import { BLOCK_BYTES, RawWindow } from '../../../src/codec/raw-window.js';
import { PassthroughDecoder } from '../../../src/codec/passthrough-decoder.js';
import { XenferryError } from '../../../src/errors/errors.js';
import { encodePageDataHeader } from '../../../src/savestream/encode.js';
import { PAGE_BYTES } from '../../../src/savestream/layout.js';
import { FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { smallHvmParts } from '../../support/small-stream.js';

function plain(rawBatch: RawBatch): Buffer {
  const { bodyBytes, opsBytes, rawBytes } = rawBatch;
  const whole = Buffer.from(rawBatch.buffer.subarray(0, BATCH_HEADER_BYTES + bodyBytes));
  encodeBatchHeader({ kind: BodyKind.PLAIN, wireBytes: bodyBytes, bodyBytes, opsBytes, rawBytes }, whole);
  return whole;
}

/** The encoded stream, when the raw one comes in these pieces; 0 stands for a pause. */
function encode(raw: Buffer, pieces: readonly number[], windowBytes: number) {
  const window = new RawWindow(windowBytes, 2 * BLOCK_BYTES);
  const encoder = new PageEncoder(window);
  const out: Buffer[] = [];
  const sizes = pieces.values();
  for (let at = 0; at < raw.length;) {
    const size = sizes.next().value ?? raw.length;
    if (size === 0) {
      out.push(...encoder.flush().map(plain));
      continue;
    }
    const space = window.space();
    const count = raw.copy(space, 0, at, Math.min(raw.length, at + Math.min(size, space.length)));
    window.commit(count);
    at += count;
    out.push(...encoder.push(count).map(plain));
  }
  out.push(...encoder.flush().map(plain));
  return { encoded: Buffer.concat(out), counts: encoder.counts };
}

function decode(encoded: Buffer, pieces: readonly number[], windowBytes: number): Buffer {
  const decoder =
    windowBytes === 0 ? new PassthroughDecoder() : new PageDecoder(new RawWindow(windowBytes, DECODE_AHEAD_BYTES));
  const reader = new BatchReader();
  const out: Buffer[] = [];
  const sizes = pieces.values();
  for (let at = 0; at < encoded.length;) {
    const count = Math.max(1, sizes.next().value ?? encoded.length);
    for (const { header, body, offset } of reader.take(encoded.subarray(at, at + count))) {
      for (const piece of decoder.decode(header, body, offset)) out.push(Buffer.from(piece));
    }
    at += count;
  }
  reader.end();
  return Buffer.concat(out);
}

/** A guest's stream: rounds of pages with few different contents, some changed a little from round to round. */
function stream(rounds: readonly (readonly number[])[]): Buffer {
  const parts = smallHvmParts();
  const records = rounds.map((pages, round) => {
    const contents = pages.map((kind, pfn) => {
      if (kind === 0) return Buffer.alloc(PAGE_BYTES);
      const page = Buffer.alloc(PAGE_BYTES, kind);
      if (kind > 3) page.writeUInt32LE(round * 64 + pfn, (pfn * 8) % PAGE_BYTES);
      return page;
    });
    return Buffer.concat([encodePageDataHeader(pages.map((_, pfn) => ({ pfn, type: 0 }))), ...contents]);
  });
  return Buffer.concat([...parts.slice(0, -6), ...records, ...parts.slice(-6)]);
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 9000 }), fc.constant(0)), { minLength: 1, maxLength: 80 });
const roundsOf = fc.array(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 40 }), {
  minLength: 1,
  maxLength: 12,
});

describe('the page codec', () => {
  it('gives back what it was given: guests, in any pieces on either side', () => {
    fc.assert(
      fc.property(
        roundsOf,
        sizes,
        sizes,
        fc.constantFrom(0, BLOCK_BYTES, 4 * BLOCK_BYTES),
        (rounds, one, two, window) => {
          const raw = stream(rounds);
          expect(decode(encode(raw, one, window).encoded, two, window).equals(raw)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives back what it was given: bytes that are no save stream, and save streams with a byte changed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), sizes, (bytes, pieces) => {
        const raw = Buffer.from(bytes);
        expect(decode(encode(raw, pieces, BLOCK_BYTES).encoded, pieces, BLOCK_BYTES).equals(raw)).toBe(true);
      }),
      { numRuns: 60 },
    );
    const good = stream([
      [1, 2, 0, 5, 5],
      [1, 5, 0, 6, 6],
    ]);
    fc.assert(
      fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), sizes, (at, flip, pieces) => {
        const raw = Buffer.from(good);
        raw[at] ^= flip;
        expect(decode(encode(raw, pieces, BLOCK_BYTES).encoded, [], BLOCK_BYTES).equals(raw)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each(FIXTURES)('%s, three times over: the same bytes, and far fewer of them', (name) => {
    const one = fixtureStream(name);
    const raw = Buffer.concat([one, one, one]);
    const { encoded, counts } = encode(raw, [], 4 * BLOCK_BYTES);
    expect(decode(encoded, [1, 70_000, 300_000], 4 * BLOCK_BYTES).equals(raw)).toBe(true);
    expect(counts.rawBytes).toBe(raw.length);
    expect(counts.zeroBytes + counts.copiedBytes + counts.deltaBytes + counts.dataBytes).toBe(raw.length);
    expect(encoded.length).toBeLessThan(raw.length);
  });

  it('says zero pages, pages again and pages changed a little in a few bytes', () => {
    const pages = Array.from({ length: 200 }, (_, index) => 4 + (index % 200));
    const { encoded, counts } = encode(stream([pages, pages, pages, pages.map(() => 0)]), [], 8 * BLOCK_BYTES);
    expect(counts.deltaBytes).toBeGreaterThan(390 * PAGE_BYTES);
    expect(counts.zeroBytes).toBeGreaterThanOrEqual(199 * PAGE_BYTES);
    expect(encoded.length).toBeLessThan(220 * PAGE_BYTES);
  });

  it('comes through a window much smaller than the stream, and looks no further back than agreed', () => {
    const pages = Array.from({ length: 900 }, (_, index) => (index % 251) + 1);
    const raw = stream(Array.from({ length: 6 }, () => pages));
    const { encoded } = encode(raw, [], BLOCK_BYTES);
    expect(decode(encoded, [], BLOCK_BYTES).equals(raw)).toBe(true);
    const far = encode(raw, [], 16 * BLOCK_BYTES).encoded;
    expect(() => decode(far, [], BLOCK_BYTES)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_BATCH' }));
  });

  it('a reader that is given damaged batches says so, and never more than that', () => {
    const raw = stream([
      [1, 2, 0, 5, 5, 0, 0, 7],
      [1, 5, 0, 6, 6, 0, 8, 8],
    ]);
    const { encoded } = encode(raw, [5000, 0, 5000, 0], BLOCK_BYTES);
    fc.assert(
      fc.property(fc.nat({ max: encoded.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Buffer.from(encoded);
        bad[at] ^= flip;
        try {
          // A change in the data is the digest's to find; what is made of it has the right length.
          expect(decode(bad, [], BLOCK_BYTES).length).toBe(raw.length);
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
          expect(error).toMatchObject({ code: 'E_PROTOCOL_BATCH' });
        }
      }),
      { numRuns: 600 },
    );
    expect(() => decode(encoded.subarray(0, -1), [], BLOCK_BYTES)).toThrow(/it ends after/);
  });

  it('comes through where nothing may be referred to, and nothing is kept for it', () => {
    const raw = stream([
      [1, 2, 0, 5, 5, 0, 0, 0, 7],
      [1, 2, 0, 0, 6, 6],
    ]);
    const { encoded, counts } = encode(raw, [5000, 0, 9000], 0);
    expect(counts).toMatchObject({ copiedBytes: 0, deltaBytes: 0 });
    expect(counts.zeroBytes).toBeGreaterThan(3 * PAGE_BYTES);
    expect(decode(encoded, [7, 20_000], 0).equals(raw)).toBe(true);
    const refers = encode(raw, [], BLOCK_BYTES).encoded;
    expect(() => decode(refers, [], 0)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_BATCH' }));
  });

  it('a reader that keeps nothing takes no damaged batch either', () => {
    const raw = stream([[1, 2, 0, 5, 5, 0, 0, 7]]);
    const { encoded } = encode(raw, [5000, 0, 5000, 0], 0);
    fc.assert(
      fc.property(fc.nat({ max: encoded.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Buffer.from(encoded);
        bad[at] ^= flip;
        try {
          expect(decode(bad, [], 0).length).toBe(raw.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'E_PROTOCOL_BATCH' });
        }
      }),
      { numRuns: 600 },
    );
  });

  it('a batch may not come to more than it says, nor say more than 16 MiB', () => {
    const decoder = new PageDecoder(new RawWindow(0, DECODE_AHEAD_BYTES));
    const bomb = Buffer.alloc(8);
    bomb[0] = Op.ZERO;
    bomb.writeUInt32BE(1_000_000, 4);
    const header = { kind: BodyKind.PLAIN, wireBytes: 8, bodyBytes: 8, opsBytes: 8, rawBytes: 4096 };
    expect(() => [...decoder.decode(header, bomb, 0)]).toThrow(/1000000 pages of zeroes where 4096 bytes are due/);
    const bytes = Buffer.alloc(BATCH_HEADER_BYTES);
    encodeBatchHeader({ ...header, rawBytes: 16 * 1024 * 1024 + 1 }, bytes);
    expect(() => decodeBatchHeader(bytes, 0)).toThrow(/raw bytes, expected 1 to/);
    encodeBatchHeader({ ...header, bodyBytes: 0xffff_ffff }, bytes);
    expect(() => decodeBatchHeader(bytes, 0)).toThrow(/bytes of the body, expected/);
  });
});

describe('the delta of a page', () => {
  it('turns the old page into the new one, or is not made', () => {
    const change = fc.tuple(fc.nat({ max: 1023 }), fc.integer());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        const before = new Int32Array(1024).fill(7);
        const after = before.slice();
        for (const [word, value] of changes) after[word] = value;
        const into = Buffer.alloc(MAX_DELTA_BYTES);
        const bytes = Buffer.from(after.buffer);
        const length = encodeDelta(before, 0, after, 0, bytes, into, 0);
        if (length === undefined) {
          expect(changes.length).toBeGreaterThan(100);
          return;
        }
        const page = Buffer.from(before.slice().buffer);
        expect(applyDelta(page, into.subarray(0, length))).toBe(true);
        expect(page.equals(bytes)).toBe(true);
      }),
    );
  });

  it('that reaches past the page, or ends early, is refused', () => {
    const page = Buffer.alloc(PAGE_BYTES);
    expect(applyDelta(page, Buffer.from([0x04, 0x00, 0x00, 0x01, 1, 2, 3, 4]))).toBe(false);
    expect(applyDelta(page, Buffer.from([0x00, 0x00, 0x00, 0x02, 1, 2, 3, 4]))).toBe(false);
    expect(applyDelta(page, Buffer.from([0x00, 0x00, 0x00]))).toBe(false);
  });
});
