import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MAX_BATCH_BYTES } from '../../../src/codec/batch.js';
import {
  checkedChoice,
  chooseStream,
  offerStream,
  referenceBatches,
  type StreamChoice,
} from '../../../src/codec/agreement.js';
import { knownDigests, xxHashOrder } from '../../../src/codec/digest.js';
import {
  FRUGAL_PROFILE,
  FULL_PROFILE,
  suitableProfile,
  type EncoderProfile,
} from '../../../src/codec/encoder-profile.js';
import { mapOrdered } from '../../../src/codec/map-ordered.js';
import { FlushDelay } from '../../../src/codec/flush-delay.js';
import { StreamPacker } from '../../../src/codec/stream-packer.js';
import { SparseDigester } from '../../../src/codec/sparse-digest.js';
import { zstdVersion } from '../../../src/codec/zstd.js';
import { DIGEST_KEY, decodeBatches } from '../../support/batch-decoding.js';
import { encodeStream } from '../../support/batch-encoding.js';
import { fixtureStream } from '../../support/fixtures.js';

const CHOICE: StreamChoice = {
  codec: 'pages-2',
  referenceBytes: 2 * MAX_BATCH_BYTES,
  packing: zstdVersion() === undefined ? 'none' : 'zstd',
  digest: 'sparse-sha256',
};

const WINDOW = 32 * MAX_BATCH_BYTES;

/** Batches as a thread would hand them over, each in memory of its own. */
async function* handedOver(batches: readonly Buffer[], rawBytes: readonly number[]) {
  for (const [number, payload] of batches.entries()) yield { payload, rawBytes: rawBytes[number] };
}

async function encoded(
  raw: Buffer,
  compression: 'auto' | 'none' | { level: number },
  pieces: readonly number[],
  profile?: EncoderProfile,
  choice = CHOICE,
) {
  using packer = new StreamPacker(choice, compression, profile);
  const digester = new SparseDigester({ algorithm: choice.digest, key: DIGEST_KEY });
  const options = { references: referenceBatches(choice), findPages: packer.findPages };
  const cuts = Array.from({ length: 2000 }, () => pieces).flat();
  const plain = encodeStream('TypeScript', raw, cuts, options, { taker: digester });
  const batches: Buffer[] = [];
  for await (const batch of packer.batches(handedOver(plain.batches, plain.rawBytes))) {
    batches.push(Buffer.from(batch.bytes));
    packer.sent(batch, 0, 0);
  }
  const bytes = batches.reduce((sum, { length }) => sum + length, 0);
  return { batches, bytes, counts: { ...plain.counts, ...packer.counts }, digest: digester.digest() };
}

/** What the destination makes of it; its digest must be the source's. */
function decoded({ batches, digest }: { batches: readonly Buffer[]; digest: string }, choice = CHOICE): Buffer {
  const made = decodeBatches(batches, choice);
  expect(made.digest).toBe(digest);
  return made.raw;
}

describe('a stream through the whole codec', () => {
  it.each(['auto', 'none', { level: 1 }, { level: -10 }] as const)(
    'comes out as it went in: %j',
    async (compression) => {
      const one = fixtureStream('xen-4.17-hvm-live');
      const raw = Buffer.concat([one, randomBytes(3 * 1024 * 1024), one]);
      const made = await encoded(raw, compression, [1024 * 1024, 65_536, 7]);
      const { bytes, counts } = made;
      expect(decoded(made).equals(raw)).toBe(true);
      expect(bytes).toBeLessThan(raw.length);
      if (compression === 'none') expect(counts.packedBytes).toBe(0);
      else if (compression !== 'auto' && zstdVersion() !== undefined)
        expect(counts.packedToBytes).toBeLessThan(counts.packedBytes);
    },
  );

  it('in any pieces', async () => {
    const raw = fixtureStream('xen-4.17-pvh-live').subarray(0, 1_500_000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 5 }),
        async (pieces) => {
          expect(decoded(await encoded(raw, { level: -10 }, [...pieces, 100_000])).equals(raw)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is given back where no page is looked for, and zstd finds the zeroes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 5 }),
        async (pieces) => {
          const raw = Buffer.concat([
            fixtureStream('xen-4.17-pvh-live').subarray(0, 3_000_000),
            Buffer.alloc(5_000_000),
          ]);
          const made = await encoded(raw, 'auto', [...pieces, 100_000], FRUGAL_PROFILE);
          expect(decoded(made).equals(raw)).toBe(true);
          expect(made.counts).toMatchObject({ rawBytes: raw.length, dataBytes: raw.length, zeroBytes: 0 });
          if (zstdVersion() !== undefined) expect(made.bytes).toBeLessThan(3_100_000);
        },
      ),
      { numRuns: 10 },
    );
  });

  it.skipIf(zstdVersion() === undefined)(
    'damage in a packed batch is an error, and a batch that is cut as well',
    async () => {
      const { batches } = await encoded(Buffer.alloc(100_000, 'guest'), { level: 1 }, [100_000]);
      const bad = Buffer.from(batches[0]);
      bad[5] ^= 0xff;
      expect(() => decodeBatches([bad], CHOICE)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_ZSTD' }));
      expect(() => decodeBatches([batches[0].subarray(0, -1)], CHOICE)).toThrow(
        expect.objectContaining({ code: 'E_PROTOCOL_BATCH' }),
      );
    },
  );

  it.skipIf(zstdVersion() === undefined)('a packed batch where nothing packed was agreed on is an error', async () => {
    const { batches } = await encoded(Buffer.alloc(100_000, 'guest'), { level: 1 }, [100_000]);
    expect(() => decodeBatches(batches, { ...CHOICE, packing: 'none' })).toThrow(/nothing packed was agreed on/);
  });

  it('what breaks the source comes out, behind what came before it', async () => {
    const source = async function* (): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw new Error('the source broke');
    };
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const item of mapOrdered(source(), 2, async (n) => n * 10)) seen.push(item);
    };
    await expect(run()).rejects.toThrow('the source broke');
    expect(seen).toEqual([10, 20]);
  });

  it('work that is done early waits for its turn', async () => {
    const ends: (() => void)[] = [];
    const work = (n: number): Promise<number> => new Promise((resolve) => (ends[n] = () => resolve(n)));
    const source = async function* (): AsyncGenerator<number> {
      for (let n = 0; n < 4; n += 1) yield n;
    };
    const results = mapOrdered(source(), 4, work);
    const first = results.next();
    while (ends.length < 4) await Promise.resolve();
    for (const n of [3, 2, 1, 0]) ends[n]();
    const seen = [(await first).value];
    for await (const n of results) seen.push(n);
    expect(seen).toEqual([0, 1, 2, 3]);
  });
});

describe('what both sides agree on', () => {
  const key = Buffer.alloc(16, 7);

  it('an offer is taken as far as it is understood, and nothing more is chosen than was offered', () => {
    const choice = chooseStream(offerStream('auto', key), WINDOW);
    expect(choice).toBeDefined();
    expect(choice?.digest).toBe(knownDigests()[0]);
    expect(checkedChoice(choice!, WINDOW)).toBe(choice);
    expect(() => checkedChoice(choice!, 1_000_000)).toThrow(/batches for a window of 1000000 bytes/);
    expect(chooseStream(undefined, WINDOW)).toBeUndefined();
    expect(chooseStream({ ...offerStream('auto', key), codecs: ['of-another-day'] }, WINDOW)).toBeUndefined();
    expect(chooseStream(offerStream('none', key), WINDOW)?.packing).toBe('none');
    expect(chooseStream({ ...offerStream('auto', key), referenceBytes: 3_000_000 }, WINDOW)?.referenceBytes).toBe(
      2 * MAX_BATCH_BYTES,
    );
    expect(chooseStream(offerStream('auto', key), 1_000_000)).toBeUndefined(); // no room for one batch
    expect(chooseStream({ ...offerStream('auto', key), digests: ['md4'] }, WINDOW)?.digest).toBe('sparse-sha256');
  });

  it.each([
    [{ codec: 'pages-9' }, /codec pages-9/],
    [{ referenceBytes: 2 ** 40 }, /1099511627776 bytes to refer to/],
    [{ referenceBytes: 5 }, /5 bytes to refer to/],
    [{ packing: 'lzma' }, /packing lzma/],
  ])('a choice that was not offered is refused: %j', (change, message) => {
    expect(() => checkedChoice({ ...CHOICE, ...change }, WINDOW)).toThrow(
      expect.objectContaining({ code: 'E_PROTOCOL_STREAM', message: expect.stringMatching(message) as unknown }),
    );
  });
});

describe('the order of digests', () => {
  it('has the one with more bits first, but where the other is much faster', () => {
    expect(xxHashOrder(1, 1)).toEqual(['xxh3-128', 'xxh64']);
    expect(xxHashOrder(2, 1)).toEqual(['xxh3-128', 'xxh64']);
    expect(xxHashOrder(12, 1)).toEqual(['xxh64', 'xxh3-128']);
  });

  it("is the destination's, of what the source offers", () => {
    const offer = offerStream('auto', Buffer.alloc(16));
    for (const one of knownDigests()) expect(chooseStream({ ...offer, digests: [one] }, WINDOW)?.digest).toBe(one);
    expect(chooseStream({ ...offer, digests: [...knownDigests()].reverse() }, WINDOW)?.digest).toBe(knownDigests()[0]);
  });
});

describe('the encoder profile of a source', () => {
  it('that looks for no pages has the destination keep none, and what comes out is the same', async () => {
    const choice = { ...CHOICE, referenceBytes: 0 };
    const one = fixtureStream('xen-4.17-pvh-live').subarray(0, 3_000_000);
    const raw = Buffer.concat([one, randomBytes(1_500_000), one]);
    for (const compression of ['auto', 'none'] as const) {
      const made = await encoded(raw, compression, [1024 * 1024, 9], FRUGAL_PROFILE, choice);
      expect(decoded(made, choice).equals(raw)).toBe(true);
    }
    // Pages are looked for by whoever has nobody to compress for him.
    const { counts } = await encoded(Buffer.concat([one, one]), 'auto', [900_000], FRUGAL_PROFILE, {
      ...choice,
      packing: 'none',
    });
    expect(counts.zeroBytes).toBeGreaterThan(0);
    expect(counts.copiedBytes).toBe(0);
  });

  it('is small where encrypting is dear, and what the user says goes before it', async () => {
    expect(suitableProfile(20)).toBe(FRUGAL_PROFILE);
    expect(suitableProfile(2000)).toBe(FULL_PROFILE);
    const raw = Buffer.alloc(1_000_000);
    const { counts } = await encoded(raw, 'none', [raw.length], FRUGAL_PROFILE);
    expect(counts).toMatchObject({ packedBytes: 0, packMs: 0 });
  });

  it('waits for company as long as a small batch is worth, within bounds', () => {
    const flushDelay = new FlushDelay();
    expect(flushDelay.ms).toBe(1);
    for (let batch = 0; batch < 50; batch += 1) flushDelay.sent(8000, 2);
    expect(flushDelay.ms).toBe(24);
    for (let batch = 0; batch < 50; batch += 1) flushDelay.sent(8000, 400);
    expect(flushDelay.ms).toBe(100);
    for (let batch = 0; batch < 50; batch += 1) flushDelay.sent(1_000_000, 0);
    expect(flushDelay.ms).toBe(100);
    flushDelay.minimize();
    expect(flushDelay.ms).toBe(1);
  });
});
