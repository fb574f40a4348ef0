import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hasXxHash, XxHash } from '../../../src/codec/xxhash.js';
import { ZstdCompressor, ZstdDecompressor, zstdVersion } from '../../../src/codec/zstd.js';

describe.skipIf(zstdVersion() === undefined)("the system's libzstd", () => {
  it('gives back what it was given', async () => {
    using compressor = new ZstdCompressor();
    using decompressor = new ZstdDecompressor();
    const raw = Buffer.from(randomBytes(1000).toString('hex').repeat(50));
    const packed = Buffer.alloc(raw.length);
    const length = await compressor.compress(raw, packed, 1);
    expect(length).toBeLessThan(raw.length / 10);
    const back = Buffer.alloc(raw.length);
    decompressor.decompress(packed.subarray(0, length), back);
    expect(back.equals(raw)).toBe(true);
  });

  it('says when the result does not fit, and never writes past its room', async () => {
    using compressor = new ZstdCompressor();
    const raw = randomBytes(5000);
    expect(await compressor.compress(raw, Buffer.alloc(1000), 1)).toBeUndefined();
  });

  it('a bomb, a wrong length and damage are errors', async () => {
    using compressor = new ZstdCompressor();
    using decompressor = new ZstdDecompressor();
    const packed = Buffer.alloc(4096);
    const length = (await compressor.compress(Buffer.alloc(1024 * 1024), packed, 1)) ?? 0;
    expect(length).toBeLessThan(200);
    const bomb = packed.subarray(0, length);
    const wrong = expect.objectContaining({ code: 'E_PROTOCOL_ZSTD' }) as Error;
    expect(() => decompressor.decompress(bomb, Buffer.alloc(4096))).toThrow(wrong);
    expect(() => decompressor.decompress(bomb, Buffer.alloc(1024 * 1024 + 1))).toThrow(wrong);
    expect(() => decompressor.decompress(randomBytes(100), Buffer.alloc(100))).toThrow(wrong);
  });
});

describe.skipIf(!hasXxHash())("the system's libxxhash", () => {
  it.each([
    ['xxh3-128', '06b05ab6733a618578af5f94892f3950'],
    ['xxh64', '44bc2cf5ad770999'],
  ] as const)('%s is the digest that its documentation names for three letters', (kind, expected) => {
    using digest = XxHash.begin(kind, 0n);
    digest?.update(Buffer.from('a'));
    digest?.update(Buffer.from('bc'));
    expect(digest?.finish()).toBe(expected);
  });

  it.each(['xxh3-128', 'xxh64'] as const)('another seed gives another %s', (kind) => {
    const [one, two] = [1n, 2n].map((seed) => {
      const digest = XxHash.begin(kind, seed);
      digest?.update(Buffer.alloc(100));
      return digest?.finish();
    });
    expect(one).not.toBe(two);
  });
});
