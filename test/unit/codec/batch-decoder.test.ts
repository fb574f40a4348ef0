import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { StreamChoice } from '../../../src/codec/agreement.js';
import { BodyKind, encodeTrailer, MAX_BATCH_BYTES, Op, pageName, TRAILER_BYTES } from '../../../src/codec/batch.js';
import { applyDelta, encodeDelta, MAX_DELTA_BYTES } from '../../../src/codec/page-delta.js';
import { SparseDigester } from '../../../src/codec/sparse-digest.js';
import { knownDigests, type SparseAlgorithm } from '../../../src/codec/digest.js';
import { XenferryError } from '../../../src/errors/errors.js';
import { encodePageDataHeader } from '../../../src/savestream/encode.js';
import { PAGE_BYTES } from '../../../src/savestream/layout.js';
import { encodeStream, ENCODERS, plainRaw, type EncoderName } from '../../support/batch-encoding.js';
import { DIGEST_KEY, decodeBatches } from '../../support/batch-decoding.js';
import { FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { smallHvmParts } from '../../support/small-stream.js';

function choiceOf(references: number, digest: SparseAlgorithm = 'sparse-sha256'): StreamChoice {
  return { codec: 'pages-2', referenceBytes: references * MAX_BATCH_BYTES, packing: 'none', digest };
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

/** Batches of a stream, and the digest that the source takes of it. */
function encode(
  name: EncoderName,
  raw: Buffer,
  pieces: readonly number[],
  references: number,
  algorithm?: SparseAlgorithm,
) {
  const { batches, taken, counts } = encodeStream(name, raw, pieces, { references, findPages: true });
  const digester = new SparseDigester({ algorithm: algorithm ?? 'sparse-sha256', key: DIGEST_KEY });
  for (const one of taken) {
    if (typeof one === 'number') digester.zeros(one);
    else digester.literal(one);
  }
  expect(digester.rawBytes).toBe(raw.length);
  return { batches, counts, digest: digester.digest() };
}

interface Parts {
  readonly pages?: readonly Buffer[];
  readonly bytes?: Buffer;
  readonly ops: readonly (readonly [code: number, n: number, m: number])[];
  readonly rawBytes: number;
}

/** A batch by hand. */
function batch({ pages = [], bytes = Buffer.alloc(0), ops, rawBytes }: Parts): Buffer {
  const opsBytes = Buffer.alloc(ops.length * 8);
  for (const [index, [code, n, m]] of ops.entries()) {
    opsBytes.writeUInt32BE(code * 0x100_0000 + n, index * 8);
    opsBytes.writeUInt32BE(m, index * 8 + 4);
  }
  const body = Buffer.concat([...pages, bytes, opsBytes]);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  const sizes = { pages: pages.length, bytes: bytes.length, opsBytes: opsBytes.length };
  encodeTrailer({ kind: BodyKind.PLAIN, sentBytes: body.length, ...sizes, rawBytes }, trailer, 0);
  return Buffer.concat([body, trailer]);
}

const page = (fill: number): Buffer => Buffer.alloc(PAGE_BYTES, fill);
const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 9000 }), fc.constant(0)), { minLength: 1, maxLength: 80 });
const roundsOf = fc.array(fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 40 }), {
  minLength: 1,
  maxLength: 12,
});

describe('the batches of a stream', () => {
  it.each(ENCODERS)('%s: a guest comes out as it went in, with the digest of the source', (name) => {
    fc.assert(
      fc.property(roundsOf, sizes, fc.constantFrom(0, 1, 4, 24), (rounds, pieces, references) => {
        const raw = stream(rounds);
        const { batches, digest } = encode(name, raw, pieces, references);
        const decoded = decodeBatches(batches, choiceOf(references));
        expect(decoded.raw.equals(raw)).toBe(true);
        expect(decoded.digest).toBe(digest);
      }),
      { numRuns: 100 },
    );
  });

  it('bytes that are no save stream, and save streams with a byte changed, come out as they went in', () => {
    const good = stream([
      [1, 2, 0, 5, 5],
      [1, 5, 0, 6, 6],
    ]);
    const changed = fc.tuple(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
      const raw = Buffer.from(good);
      raw[at] ^= flip;
      return raw;
    });
    const any = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 20_000 }).map((bytes) => Buffer.from(bytes)),
      changed,
    );
    fc.assert(
      fc.property(any, sizes, (raw, pieces) => {
        const { batches, digest } = encode('TypeScript', raw, pieces, 4);
        const decoded = decodeBatches(batches, choiceOf(4));
        expect(decoded.raw.equals(raw)).toBe(true);
        expect(decoded.digest).toBe(digest);
      }),
      { numRuns: 200 },
    );
  });

  it.each(FIXTURES)('%s, three times over: the same bytes, and far fewer of them', (fixture) => {
    const one = fixtureStream(fixture);
    const raw = Buffer.concat([one, one, one]);
    const { batches, digest, counts } = encode('TypeScript', raw, [], 24);
    const decoded = decodeBatches(batches, choiceOf(24));
    expect(decoded.raw.equals(raw)).toBe(true);
    expect(decoded.digest).toBe(digest);
    expect(counts.rawBytes).toBe(raw.length);
    expect(Buffer.concat(batches).length).toBeLessThan(raw.length);
  });
});

describe('a reader of batches', () => {
  const raw = stream([
    [1, 2, 0, 5, 5, 0, 0, 7],
    [1, 5, 0, 6, 6, 0, 8, 8],
  ]);
  const made = encode('TypeScript', raw, [5000, 0, 5000, 0, 5000, 0], 4);

  it('F19: given a damaged batch, refuses it or makes bytes that the digest tells from the true ones', () => {
    const whole = Buffer.concat(made.batches);
    const ends = made.batches.map((_, index) => Buffer.concat(made.batches.slice(0, index + 1)).length);
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Buffer.from(whole);
        bad[at] ^= flip;
        const batches = ends.map((end, index) => bad.subarray(index === 0 ? 0 : ends[index - 1], end));
        try {
          const decoded = decodeBatches(batches, choiceOf(4));
          if (decoded.raw.equals(raw)) expect(decoded.digest).toBe(made.digest);
          else expect(decoded.digest).not.toBe(made.digest);
        } catch (error) {
          expect(error).toBeInstanceOf(XenferryError);
          expect(error).toMatchObject({ code: 'E_PROTOCOL_BATCH' });
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('refuses a batch that is cut or has grown', () => {
    const [first] = made.batches;
    for (const wrong of [first.subarray(0, -1), Buffer.concat([first, Buffer.alloc(8)]), first.subarray(0, 24)]) {
      expect(() => decodeBatches([wrong], choiceOf(4))).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_BATCH' }));
    }
  });

  const COPY_BATCHES = [
    batch({ pages: [page(1), page(2)], ops: [[Op.PAGES, 0, 2]], rawBytes: 2 * PAGE_BYTES }),
    batch({ pages: [page(3)], ops: [[Op.PAGES, 0, 1]], rawBytes: PAGE_BYTES }),
  ];
  const copying = (name: number, n = 1): Buffer =>
    batch({ ops: [[Op.COPY, n, name]], rawBytes: Math.max(1, n) * PAGE_BYTES });

  it('copies pages of batches before and of the same one, as far back as agreed', () => {
    const own = batch({
      pages: [page(9)],
      ops: [
        [Op.PAGES, 0, 1],
        [Op.COPY, 1, pageName(0, 0)],
      ],
      rawBytes: 2 * PAGE_BYTES,
    });
    const { raw: out } = decodeBatches([...COPY_BATCHES, copying(pageName(2, 0), 2), own], choiceOf(2));
    expect(out.equals(Buffer.concat([page(1), page(2), page(3), page(1), page(2), page(9), page(9)]))).toBe(true);
    expect(plainRaw([...COPY_BATCHES, copying(pageName(2, 0), 2), own]).equals(out)).toBe(true);
  });

  it.each([
    ['a batch further back than agreed', copying(pageName(2, 0)), 1],
    ['a batch before the first', copying(pageName(3, 0)), 8],
    ['a page that its batch has not', copying(pageName(2, 2)), 2],
    ['more pages than there are', copying(pageName(2, 1), 2), 2],
    ['the result of a delta that was not made', copying(pageName(2, 256)), 2],
    ['a page where nothing is kept', copying(pageName(1, 0)), 0],
    ['a page of its own where nothing is kept', copying(pageName(0, 0)), 0],
    ['no page', copying(pageName(2, 0), 0), 2],
  ])('refuses a copy of %s', (_, wrong, references) => {
    expect(() => decodeBatches([...COPY_BATCHES, wrong], choiceOf(references))).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_BATCH' }),
    );
  });

  it('chains deltas, in one batch and over several', () => {
    const change = (word: number, value: number): Buffer => {
      const delta = Buffer.alloc(8);
      delta.writeUInt16BE(word, 0);
      delta.writeUInt16BE(1, 2);
      delta.writeUInt32LE(value, 4);
      return delta;
    };
    const first = batch({
      pages: [page(1)],
      bytes: Buffer.concat([change(0, 5), change(1, 6)]),
      ops: [
        [Op.PAGES, 0, 1],
        [Op.DELTA, 8, pageName(0, 0)],
        [Op.DELTA, 8, pageName(0, 256)],
      ],
      rawBytes: 3 * PAGE_BYTES,
    });
    const second = batch({ bytes: change(2, 7), ops: [[Op.DELTA, 8, pageName(1, 257)]], rawBytes: PAGE_BYTES });
    const { raw: out } = decodeBatches([first, second], choiceOf(1));
    const last = page(1);
    for (const [word, value] of [5, 6, 7].entries()) last.writeUInt32LE(value, word * 4);
    expect(out.subarray(-PAGE_BYTES).equals(last)).toBe(true);
    expect(plainRaw([first, second]).equals(out)).toBe(true);
  });

  it('refuses deltas whose results do not fit the slot', () => {
    const pages = Array.from({ length: 250 }, () => page(1));
    const deltas = (count: number): Buffer =>
      batch({
        pages,
        ops: [
          [Op.PAGES, 0, 250] as const,
          ...Array.from({ length: count }, () => [Op.DELTA, 0, pageName(0, 0)] as const),
        ],
        rawBytes: (250 + count) * PAGE_BYTES,
      });
    expect(decodeBatches([deltas(5)], choiceOf(1)).raw.length).toBe(255 * PAGE_BYTES);
    expect(() => decodeBatches([deltas(6)], choiceOf(1))).toThrow(/do not fit its slot/);
  });

  it('makes no more bytes than a batch says, and no batch says more than 16 MiB', () => {
    const bomb = batch({ ops: [[Op.ZERO, 0, 1_000_000]], rawBytes: PAGE_BYTES });
    expect(() => decodeBatches([bomb], choiceOf(1))).toThrow(/1000000 pages of zero bytes where 4096 bytes are due/);
    const large = batch({ ops: [[Op.ZERO, 0, 4097]], rawBytes: 4097 * PAGE_BYTES });
    expect(() => decodeBatches([large], choiceOf(1))).toThrow(/raw bytes, expected 1 to/);
  });
});

describe('the digest of a stream whose zero pages are named apart', () => {
  const raw = stream([
    [1, 2, 0, 0, 5, 5, 0, 7],
    [1, 5, 0, 6, 5, 0, 0, 7],
    [5, 5, 0, 6, 5, 0, 1, 7],
  ]);

  it.each(knownDigests())(
    'F19: %s sees every byte that is damaged between the pipes, on a page of any kind',
    (algorithm) => {
      const { batches, counts, digest } = encode('TypeScript', raw, [], 4, algorithm);
      // Every kind of page is there.
      expect(counts.zeroBytes).toBeGreaterThan(0);
      expect(counts.copiedBytes).toBeGreaterThan(0);
      expect(counts.deltaBytes).toBeGreaterThan(0);
      const pieces: Buffer[] = [];
      expect(decodeBatches(batches, choiceOf(4, algorithm), (piece) => pieces.push(piece)).digest).toBe(digest);
      for (const [index, { length }] of pieces.entries()) {
        // The first byte, the last, and some between: of every field of every record, and of every page that is written.
        for (const at of [0, length - 1, ...Array.from({ length: 3 }, () => Math.floor(Math.random() * length))]) {
          let nth = 0;
          const damaged = decodeBatches(batches, choiceOf(4, algorithm), (piece) => {
            if (nth === index) piece[at] ^= 1 << (at % 8);
            nth += 1;
          });
          expect(damaged.digest).not.toBe(digest);
        }
      }
    },
  );

  it.each(knownDigests())('%s sees zero pages that are lost, added, moved or sent as bytes elsewhere', (algorithm) => {
    const digestOf = (...parts: readonly (Buffer | number)[]): string => {
      const digester = new SparseDigester({ algorithm, key: DIGEST_KEY });
      for (const part of parts) {
        if (typeof part === 'number') digester.zeros(part);
        else digester.literal(part);
      }
      return digester.digest();
    };
    const one = randomBytes(5000);
    const other = randomBytes(3000);
    const changed = Buffer.from(one);
    changed[4321] ^= 4;
    const all = [
      digestOf(one, 2, other),
      digestOf(changed, 2, other),
      digestOf(one, 1, other),
      digestOf(one, 3, other),
      digestOf(one, other),
      digestOf(one, other, 2),
      digestOf(2, one, other),
      digestOf(other, 2, one),
      digestOf(one, 1, other, 1),
      digestOf(one, 2, other, Buffer.alloc(1)),
      digestOf(one.subarray(0, 4999), 2, one.subarray(4999), other),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(digestOf(one.subarray(0, 77), one.subarray(77), 1, 1, other)).toBe(all[0]);
  });

  it('takes a list of runs that is longer than its buffer', () => {
    const algorithm = 'sparse-sha256';
    const digestOf = (pages: (index: number) => number): string => {
      const digester = new SparseDigester({ algorithm, key: DIGEST_KEY });
      for (let index = 0; index < 2000; index += 1) {
        digester.literal(Buffer.from([index & 255]));
        digester.zeros(pages(index));
      }
      return digester.digest();
    };
    const good = digestOf(() => 1);
    expect(digestOf(() => 1)).toBe(good);
    for (const at of [0, 255, 256, 257, 1000, 1999]) expect(digestOf((index) => (index === at ? 2 : 1))).not.toBe(good);
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
        const result = Buffer.from(before.slice().buffer);
        expect(applyDelta(result, into.subarray(0, length))).toBe(true);
        expect(result.equals(bytes)).toBe(true);
      }),
    );
  });

  it('that reaches past the page, or ends early, is refused', () => {
    const result = page(0);
    expect(applyDelta(result, Buffer.from([0x04, 0x00, 0x00, 0x01, 1, 2, 3, 4]))).toBe(false);
    expect(applyDelta(result, Buffer.from([0x00, 0x00, 0x00, 0x02, 1, 2, 3, 4]))).toBe(false);
    expect(applyDelta(result, Buffer.from([0x00, 0x00, 0x00]))).toBe(false);
  });
});
