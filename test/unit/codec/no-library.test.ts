import { describe, expect, it, vi } from 'vitest';
import { offerStream } from '../../../src/codec/agreement.js';
import { ZstdCompressor, ZstdDecompressor, zstdVersion } from '../../../src/codec/zstd.js';

vi.mock('../../../src/posix/koffi.js', () => ({
  default: {
    load: (name: string) => {
      throw new Error(`${name}: cannot open shared object file`);
    },
  },
}));

describe('a host without libzstd', () => {
  it('offers no compression, and names the library where it is needed all the same', () => {
    expect(zstdVersion()).toBeUndefined();
    expect(offerStream('auto', Buffer.alloc(16)).packings).not.toContain('zstd');
    const missing: unknown = expect.objectContaining({
      code: 'E_SYSTEM_LIBRARY',
      message: expect.stringContaining('libzstd.so.1') as unknown,
    });
    expect(() => new ZstdCompressor()).toThrow(missing);
    expect(() => new ZstdDecompressor()).toThrow(missing);
  });
});
