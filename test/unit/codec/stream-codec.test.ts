import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkedChoice, chooseStream, offerStream, type StreamChoice } from '../../../src/codec/agreement.js';
import { DIGEST_ALGORITHMS, knownDigests, StreamDigester, xxHashOrder } from '../../../src/codec/digest.js';
import {
  FRUGAL_PROFILE,
  FULL_PROFILE,
  suitableProfile,
  type EncoderProfile,
} from '../../../src/codec/encoder-profile.js';
import { mapOrdered } from '../../../src/codec/map-ordered.js';
import { FlushDelay } from '../../../src/codec/flush-delay.js';
import { BLOCK_BYTES } from '../../../src/codec/raw-window.js';
import { StreamDecoder } from '../../../src/codec/stream-decoder.js';
import { StreamEncoder } from '../../../src/codec/stream-encoder.js';
import { zstdVersion } from '../../../src/codec/zstd.js';
import { fixtureStream } from '../../support/fixtures.js';

const CHOICE: StreamChoice = {
  codec: 'pages-1',
  referenceBytes: 2 * BLOCK_BYTES,
  packing: zstdVersion() === undefined ? 'none' : 'zstd',
  digest: 'sha256',
};

/** Reads a stream into the encoder's window, as a pipe would bring it. */
async function* read(raw: Buffer, encoder: StreamEncoder, pieces: readonly number[]): AsyncGenerator<Uint8Array> {
  let turn = 0;
  for (let at = 0; at < raw.length; turn += 1) {
    const space = encoder.window.space();
    const count = raw.copy(space, 0, at, Math.min(raw.length, at + (pieces[turn % pieces.length] ?? raw.length)));
    encoder.window.commit(count);
    yield space.subarray(0, count);
    at += count;
  }
}

async function encoded(
  raw: Buffer,
  compression: 'auto' | 'none' | { level: number },
  pieces: readonly number[],
  profile?: EncoderProfile,
  choice = CHOICE,
) {
  using encoder = new StreamEncoder(choice, compression, profile);
  const out: Buffer[] = [];
  for await (const batch of encoder.batches(read(raw, encoder, pieces))) {
    out.push(Buffer.from(batch.bytes));
    encoder.sent(batch, 0);
  }
  return { bytes: Buffer.concat(out), batches: out.length, counts: encoder.counts };
}

async function decoded(bytes: Buffer, pieceBytes: number, choice = CHOICE): Promise<Buffer> {
  using decoder = new StreamDecoder(choice);
  const out: Buffer[] = [];
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
  for await (const piece of decoder.chunks(chunks())) out.push(Buffer.from(piece));
  return Buffer.concat(out);
}

describe('a stream through the whole codec', () => {
  it.each([4_000_000, 400_000, 50])(
    'every chunk of %i bytes is given back, and only when it is used up',
    async (pieceBytes) => {
      const raw =
        pieceBytes < 1000
          ? fixtureStream('xen-4.17-hvm-live').subarray(0, 200_000)
          : fixtureStream('xen-4.17-hvm-live');
      const { bytes } = await encoded(raw, { level: 1 }, [65_536]);
      using decoder = new StreamDecoder(CHOICE);
      let given = 0;
      let back = 0;
      const chunks = {
        async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < bytes.length; at += pieceBytes) {
            given += 1;
            yield Buffer.from(bytes.subarray(at, at + pieceBytes));
          }
        },
        release: (chunk: Uint8Array) => {
          back += 1;
          chunk.fill(0xee); // whoever still reads it would see
        },
      };
      const out: Buffer[] = [];
      for await (const piece of decoder.chunks(chunks)) out.push(Buffer.from(piece));
      expect(Buffer.concat(out).equals(raw)).toBe(true);
      expect(back).toBe(given);
    },
  );

  it.each(['auto', 'none', { level: 1 }, { level: -10 }] as const)(
    'comes out as it went in: %j',
    async (compression) => {
      const one = fixtureStream('xen-4.17-hvm-live');
      const raw = Buffer.concat([one, randomBytes(3 * 1024 * 1024), one]);
      const { bytes, counts } = await encoded(raw, compression, [1024 * 1024, 65_536, 7]);
      expect((await decoded(bytes, 400_000)).equals(raw)).toBe(true);
      expect(bytes.length).toBeLessThan(raw.length);
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
        fc.integer({ min: 5000, max: 1_000_000 }),
        async (pieces, pieceBytes) => {
          const { bytes } = await encoded(raw, { level: -10 }, [...pieces, 100_000]);
          expect((await decoded(bytes, pieceBytes)).equals(raw)).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is given back where no page is looked for, and zstd finds the zeroes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 100, max: 2_000_000 }),
        async (pieces, pieceBytes) => {
          const raw = Buffer.concat([
            fixtureStream('xen-4.17-pvh-live').subarray(0, 3_000_000),
            Buffer.alloc(5_000_000),
          ]);
          const { bytes, counts } = await encoded(raw, 'auto', [...pieces, 100_000], FRUGAL_PROFILE);
          expect((await decoded(bytes, pieceBytes)).equals(raw)).toBe(true);
          expect(counts).toMatchObject({ rawBytes: raw.length, dataBytes: raw.length, zeroBytes: 0 });
          if (zstdVersion() !== undefined) expect(bytes.length).toBeLessThan(3_100_000);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('a reader may have its space before what lies in front of it has gone out', async () => {
    const raw = randomBytes(3_000_000);
    using encoder = new StreamEncoder(CHOICE, 'auto', FRUGAL_PROFILE);
    // As node reads: the space for the next bytes is asked for behind each read, and only then is what came used.
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      let space = encoder.window.space();
      for (let at = 0; at < raw.length;) {
        const count = raw.copy(space, 0, at, Math.min(raw.length, at + 700_001));
        encoder.window.commit(count);
        const chunk = space.subarray(0, count);
        space = encoder.window.space();
        yield chunk;
        at += count;
        await new Promise((resolve) => setTimeout(resolve, 10)); // long enough for it to go out
      }
    };
    const out: Buffer[] = [];
    for await (const batch of encoder.batches(chunks())) {
      out.push(Buffer.from(batch.bytes));
      encoder.sent(batch, 0);
    }
    expect(out.length).toBeGreaterThan(4);
    expect((await decoded(Buffer.concat(out), 100_000)).equals(raw)).toBe(true);
  });

  it('what there is goes out when the stream falls quiet: the guest may be waiting for it', async () => {
    using encoder = new StreamEncoder(CHOICE, 'none');
    let goOn = (): void => undefined;
    const quiet = new Promise<void>((resolve) => (goOn = resolve));
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield* read(Buffer.from('the last round'), encoder, [100]);
      await quiet; // nothing comes until somebody has seen what came so far
    };
    const batches = encoder.batches(chunks());
    const first = await batches.next();
    expect(first.value?.rawBytes).toBe(14);
    goOn();
    expect((await batches.next()).done).toBe(true);
  });

  it('damage in a packed batch is an error, and an end in the middle of one as well', async () => {
    const { bytes } = await encoded(Buffer.alloc(100_000, 'guest'), { level: 1 }, [100_000]);
    const bad = Buffer.from(bytes);
    bad[25] ^= 0xff;
    await expect(decoded(bad, 1000)).rejects.toMatchObject({ code: expect.stringMatching(/^E_PROTOCOL_/) as string });
    await expect(decoded(bytes.subarray(0, -1), 1000)).rejects.toMatchObject({ code: 'E_PROTOCOL_BATCH' });
  });

  it.skipIf(zstdVersion() === undefined)('a packed batch where nothing packed was agreed on is an error', async () => {
    const { bytes } = await encoded(Buffer.alloc(100_000, 'guest'), { level: 1 }, [100_000]);
    await expect(decoded(bytes, 1000, { ...CHOICE, packing: 'none' })).rejects.toThrow(/nothing packed was agreed on/);
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
    const choice = chooseStream(offerStream('auto', key));
    expect(choice).toBeDefined();
    expect(choice?.digest).toBe(knownDigests()[0]);
    expect(checkedChoice(choice!)).toBe(choice);
    expect(chooseStream(undefined)).toBeUndefined();
    expect(chooseStream({ ...offerStream('auto', key), codecs: ['of-another-day'] })).toBeUndefined();
    expect(chooseStream(offerStream('none', key))?.packing).toBe('none');
    expect(chooseStream({ ...offerStream('auto', key), referenceBytes: 3_000_000 })?.referenceBytes).toBe(
      2 * BLOCK_BYTES,
    );
    expect(chooseStream({ ...offerStream('auto', key), digests: ['md4'] })?.digest).toBe('sha256');
  });

  it.each([
    [{ codec: 'pages-9' }, /codec pages-9/],
    [{ referenceBytes: 2 ** 40 }, /1099511627776 bytes to refer to/],
    [{ referenceBytes: 5 }, /5 bytes to refer to/],
    [{ packing: 'lzma' }, /packing lzma/],
  ])('a choice that was not offered is refused: %j', (change, message) => {
    expect(() => checkedChoice({ ...CHOICE, ...change })).toThrow(message);
  });

  it.each(DIGEST_ALGORITHMS.filter((one) => knownDigests().includes(one)))(
    'F19: %s sees a changed bit, bytes in another order, and a zero byte more',
    (algorithm) => {
      const digestOf = (...chunks: Buffer[]): string => {
        const digester = new StreamDigester({ algorithm, key });
        for (const chunk of chunks) digester.stage(chunk);
        return digester.digest();
      };
      const one = randomBytes(5000);
      const changed = Buffer.from(one);
      changed[4321] ^= 4;
      const all = [
        digestOf(one),
        digestOf(changed),
        digestOf(one.subarray(100), one.subarray(0, 100)),
        digestOf(one, Buffer.alloc(1)),
      ];
      expect(new Set(all).size).toBe(4);
      expect(digestOf(one.subarray(0, 77), one.subarray(77))).toBe(all[0]);
    },
  );
});

describe('the order of digests', () => {
  it('has the one with more bits first, but where the other is much faster', () => {
    expect(xxHashOrder(1, 1)).toEqual(['xxh3-128', 'xxh64']);
    expect(xxHashOrder(2, 1)).toEqual(['xxh3-128', 'xxh64']);
    expect(xxHashOrder(12, 1)).toEqual(['xxh64', 'xxh3-128']);
  });

  it("is the destination's, of what the source offers", () => {
    const offer = offerStream('auto', Buffer.alloc(16));
    for (const one of knownDigests()) expect(chooseStream({ ...offer, digests: [one] })?.digest).toBe(one);
    expect(chooseStream({ ...offer, digests: [...knownDigests()].reverse() })?.digest).toBe(knownDigests()[0]);
  });
});

describe('the encoder profile of a source', () => {
  it('that looks for no pages has the destination keep none, and what comes out is the same', async () => {
    const choice = { ...CHOICE, referenceBytes: 0 };
    const one = fixtureStream('xen-4.17-pvh-live').subarray(0, 3_000_000);
    const raw = Buffer.concat([one, randomBytes(1_500_000), one]);
    for (const compression of ['auto', 'none'] as const) {
      const { bytes } = await encoded(raw, compression, [1024 * 1024, 9], FRUGAL_PROFILE, choice);
      expect((await decoded(bytes, 333_333, choice)).equals(raw)).toBe(true);
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
