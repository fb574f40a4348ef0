import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_BACK, type BatchEncoderOptions } from '../../../src/codec/batch-encoder.js';
import { EncoderMemory } from '../../../src/codec/encoder-memory.js';
import { PIECE_BYTES } from '../../../src/codec/piece-encoder.js';
import { encodePageDataHeader, encodeRecord } from '../../../src/savestream/encode.js';
import { hasPageData, LibxcRecord, LibxlRecord, PAGE_BYTES, PageType } from '../../../src/savestream/layout.js';
import { ENCODERS, encodeStream, makeEncoder, plainRaw, type Encoded } from '../../support/batch-encoding.js';
import { FIXTURES, fixtureStream } from '../../support/fixtures.js';
import { smallHvmParts } from '../../support/small-stream.js';

/** Pages of every class that the encoders tell apart. `salt` differs from round to round. */
const PAGES: Readonly<Record<string, (seed: number, salt: number) => Buffer>> = {
  zero: () => Buffer.alloc(PAGE_BYTES),
  same: (seed) => Buffer.alloc(PAGE_BYTES, (seed % 5) + 1),
  // Zero where the hash looks: the hash takes word 5 of the first 64.
  hidden: (seed) => {
    const page = Buffer.alloc(PAGE_BYTES);
    page[4095] = (seed % 3) + 1;
    return page;
  },
  // The same hash as others, another content.
  alike: (seed) => {
    const page = Buffer.alloc(PAGE_BYTES, 0x5a);
    page.writeUInt32LE(seed, 0);
    return page;
  },
  changed: (seed, salt) => {
    const page = Buffer.alloc(PAGE_BYTES, 0x21);
    for (let word = 0; word <= salt % 40; word += 1) {
      page.writeUInt32LE((seed * 977 + salt) >>> 0, ((seed + word * (1 + (salt % 31))) % 1024) * 4);
    }
    return page;
  },
  muchChanged: (seed, salt) => noise(seed * 131 + salt),
  steady: (seed) => noise(seed),
};
const KINDS = Object.keys(PAGES);

function noise(seed: number): Buffer {
  const page = Buffer.allocUnsafe(PAGE_BYTES);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let at = 0; at < PAGE_BYTES; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    page.writeUInt32LE(state, at);
  }
  return page;
}

const TYPES = [PageType.NOTAB, PageType.L4TAB_PIN, PageType.XTAB, PageType.BROKEN];

const pageOf = fc.record({
  pfn: fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(32 * 1024 + 3, 2 ** 36 + 3, 2 ** 51 + 3)),
  type: fc.oneof({ weight: 9, arbitrary: fc.constant(PageType.NOTAB) }, fc.constantFrom(...TYPES)),
  kind: fc.constantFrom(...KINDS),
  seed: fc.nat({ max: 12 }),
});
interface Page {
  readonly pfn: number;
  readonly type: number;
  readonly kind: string;
  readonly seed: number;
}

function pageRecord(pages: readonly Page[], salt: number): Buffer {
  const contents = pages
    .filter(({ type }) => hasPageData(type))
    .map(({ kind, seed, pfn }) => PAGES[kind](seed + (pfn % 7), salt));
  return Buffer.concat([encodePageDataHeader(pages), ...contents]);
}

/** Records as a save stream may have them, and some as it may not. */
const recordOf = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.array(pageOf, { minLength: 1, maxLength: 60 }), fc.nat({ max: 99 }))
      .map((args) => pageRecord(...args)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.values(LibxcRecord)), fc.uint8Array({ maxLength: 70 }))
      .map(([type, body]) => Buffer.from(encodeRecord(type, body))),
  },
  {
    weight: 1,
    arbitrary: fc
      .nat({ max: 40_000 })
      .map((bytes) => Buffer.from(encodeRecord(LibxcRecord.HVM_CONTEXT, Buffer.alloc(bytes, 3)))),
  },
  {
    weight: 1,
    arbitrary: fc.constant(
      Buffer.concat(
        [encodeRecord(LibxcRecord.CHECKPOINT), encodeRecord(LibxlRecord.CHECKPOINT_END)].map((one) => Buffer.from(one)),
      ),
    ),
  },
);
/** A header that lies about what follows. */
const hostileOf = fc
  .record({
    type: fc.oneof(fc.constantFrom(0, 1, 4, 0xe), fc.nat({ max: 0xffff_ffff })),
    length: fc.oneof(fc.nat({ max: 20_000 }), fc.constantFrom(0xffff_ffff, 0xffff_fff9, 0x8000_0000, 8, 9)),
    count: fc.oneof(fc.nat({ max: 1030 }), fc.constant(0xffff_ffff)),
    rest: fc.uint8Array({ maxLength: 9000 }),
  })
  .map(({ type, length, count, rest }) => {
    const head = Buffer.alloc(16);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(length, 4);
    head.writeUInt32LE(count, 8);
    return Buffer.concat([head, rest]);
  });

const HEAD = Buffer.concat(smallHvmParts().slice(0, 6));
const TAIL = Buffer.concat(smallHvmParts().slice(-3));
const streamOf = fc
  .array(recordOf, { minLength: 1, maxLength: 14 })
  .map((records) => Buffer.concat([HEAD, ...records, TAIL]));
const sizesOf = fc.array(
  fc.oneof(fc.nat({ max: 9000 }), fc.constant(0), fc.constantFrom(1, 7, 4095, 4096, PIECE_BYTES)),
  { maxLength: 60 },
);
const optionsOf: fc.Arbitrary<BatchEncoderOptions> = fc.record({
  references: fc.constantFrom(0, 1, 2, 5),
  findPages: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.constant(false)),
});

function rawOfTaken({ taken }: Encoded): Buffer {
  return Buffer.concat(taken.map((one) => (typeof one === 'number' ? Buffer.alloc(one * PAGE_BYTES) : one)));
}

function agree(raw: Buffer, pieces: readonly number[], options: BatchEncoderOptions): Encoded {
  const oracle = encodeStream('TypeScript', raw, pieces, options);
  const other = encodeStream('WebAssembly', raw, pieces, options);
  expect(other.rawBytes).toEqual(oracle.rawBytes);
  expect(other.batches.length).toBe(oracle.batches.length);
  for (const [number, batch] of oracle.batches.entries()) {
    if (!batch.equals(other.batches[number])) throw new Error(`the encoders differ in batch ${number}`);
  }
  expect(other.counts).toEqual(oracle.counts);
  expect(rawOfTaken(other).equals(raw)).toBe(true);
  const shapeOf = (one: Encoded): unknown =>
    one.taken.map((part) => (typeof part === 'number' ? part : `${part.length} bytes`));
  expect(shapeOf(other)).toEqual(shapeOf(oracle));
  expect(plainRaw(oracle.batches).equals(raw)).toBe(true);
  return oracle;
}

describe('the two encoders', () => {
  it('make the same batches of any stream in any pieces, and these give the stream back', () => {
    fc.assert(
      fc.property(streamOf, sizesOf, optionsOf, (raw, pieces, options) => {
        agree(raw, pieces, options);
      }),
      { numRuns: 250 },
    );
  });

  it('agree on streams that lie about their lengths, and on bytes that are no stream', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(recordOf, hostileOf), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        sizesOf,
        optionsOf,
        (parts, hasHead, pieces, options) => {
          agree(Buffer.concat([hasHead ? HEAD : Buffer.alloc(0), ...parts]), pieces, options);
        },
      ),
      { numRuns: 250 },
    );
  });

  it('agree where a byte of a good stream was changed', () => {
    fc.assert(
      fc.property(streamOf, fc.nat(), fc.integer({ min: 1, max: 255 }), sizesOf, (good, at, flip, pieces) => {
        const raw = Buffer.from(good);
        raw[at % Math.min(raw.length, 3000)] ^= flip;
        agree(raw, pieces, { references: 3, findPages: true });
      }),
      { numRuns: 200 },
    );
  });

  it('agree on streams of many batches, and look no further back than agreed', () => {
    const rounds = Array.from({ length: 6 }, () =>
      Array.from({ length: 700 }, (_, pfn) => ({ pfn, type: 0, kind: KINDS[pfn % KINDS.length], seed: pfn })),
    ).map((pages, salt) => pageRecord(pages, salt * 3));
    const raw = Buffer.concat([HEAD, ...rounds, TAIL]);
    const wire = [0, 1, 4, MAX_BACK].map((references) => {
      const { batches } = agree(raw, [], { references, findPages: true });
      return batches.reduce((sum, { length }) => sum + length, 0);
    });
    expect(wire).toEqual(wire.toSorted((a, b) => b - a));
    expect(wire[3]).toBeLessThan(wire[0] / 2);
  });

  it.each(FIXTURES)('agree on %s, three times over', (name) => {
    const one = fixtureStream(name);
    const { counts } = agree(Buffer.concat([one, one, one]), [1, 70_000, 300_000], { references: 4, findPages: true });
    expect(counts.rawBytes).toBe(3 * one.length);
    expect(counts.zeroBytes + counts.copiedBytes + counts.deltaBytes + counts.dataBytes).toBe(counts.rawBytes);
  });

  it('fill a batch to its last byte, and take up to 16 MiB of zero pages', () => {
    const zero = Array.from({ length: 1024 }, (_, pfn) => ({ pfn, type: 0, kind: 'zero', seed: 0 }));
    const raw = Buffer.concat([HEAD, ...Array.from({ length: 5 }, () => pageRecord(zero, 0)), TAIL]);
    expect(agree(raw, [], { references: 2, findPages: true }).rawBytes[0]).toBeGreaterThan(15 * 1024 * 1024);
    const big = Buffer.concat([HEAD, encodeRecord(LibxcRecord.TOOLSTACK, Buffer.alloc(3_000_001, 5)), TAIL]);
    expect(agree(big, [], { references: 2, findPages: true }).batches[0].length).toBe(1024 * 1024);
    const { batches } = agree(big, [], { references: 0, findPages: false });
    expect(batches[0].length).toBe(1024 * 1024);
  });
});

describe.each(ENCODERS)('the encoder in %s', (name) => {
  it('says zero pages, pages again and pages changed a little in a few bytes', () => {
    const round = (kind: string, salt: number): Buffer =>
      pageRecord(
        Array.from({ length: 150 }, (_, pfn) => ({ pfn, type: 0, kind, seed: pfn * 50 })),
        salt,
      );
    const parts = [round('steady', 0), round('steady', 0), round('changed', 1), round('changed', 2), round('zero', 0)];
    const { counts, batches } = encodeStream(name, Buffer.concat([HEAD, ...parts, TAIL]), [], {
      references: 8,
      findPages: true,
    });
    expect(counts.copiedBytes).toBeGreaterThanOrEqual(150 * PAGE_BYTES);
    expect(counts.deltaBytes).toBeGreaterThan(140 * PAGE_BYTES);
    expect(counts.zeroBytes).toBeGreaterThanOrEqual(150 * PAGE_BYTES);
    expect(batches.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(330 * PAGE_BYTES);
  });

  it('sends all but a page in part when it is flushed, and everything at the END record', () => {
    const raw = Buffer.concat([HEAD, pageRecord([{ pfn: 1, type: 0, kind: 'steady', seed: 4 }], 0), TAIL]);
    const page = HEAD.length + 24;
    const { rawBytes } = encodeStream(name, raw, [page + 100, 0, 100, 0, PAGE_BYTES], {
      references: 1,
      findPages: true,
    });
    expect(rawBytes[0]).toBe(page);
    expect(rawBytes[1]).toBe(raw.length - page);
    const memory = EncoderMemory.create(2);
    const encoder = makeEncoder(name, memory, { references: 1, findPages: true });
    encoder.begin(memory.slotAt(0));
    const at = memory.readAt;
    Buffer.from(memory.buffer).set(raw, at);
    expect(encoder.encode(at, at + raw.length - 1)).toBe(raw.length - 1);
    expect(encoder.atEnd).toBe(false);
    encoder.encode(at + raw.length - 1, at + raw.length);
    expect(encoder.atEnd).toBe(true);
  });
});
