import { describe, expect, it } from 'vitest';
import { transferFigures, transferText } from '../../../src/cli/transfer-figures.js';
import type { EncodeCounts } from '../../../src/source/report.js';

const CODEC: EncodeCounts = {
  rawBytes: 1000,
  zeroBytes: 400,
  copiedBytes: 100,
  deltaBytes: 100,
  deltaWireBytes: 10,
  dataBytes: 400,
  packedBytes: 300,
  packedToBytes: 100,
  plainBytes: 110,
  packMs: 3.4,
  encodeMs: 2.6,
  level: 1,
};

describe('what a migration says of its transfer', () => {
  it('has ratio, rates, and what each stage saved and cost', () => {
    const stages = { codec: CODEC, digestMs: 1.2, sendWaitMs: 4 };
    expect(transferFigures({ rawBytes: 1000, wireBytes: 250, transferMs: 500, stages })).toEqual({
      ratio: 4,
      transferMs: 500,
      effectiveBytesPerSecond: 2000,
      wireBytesPerSecond: 500,
      stages: {
        zero: { savedBytes: 400 },
        repeated: { savedBytes: 100 },
        delta: { savedBytes: 90 },
        find: { ms: 3 },
        zstd: { level: 1, savedBytes: 200, passedBytes: 110, ms: 3 },
        digest: { ms: 1 },
        send: { waitMs: 4 },
      },
    });
  });

  it('says little where little is known', () => {
    expect(transferFigures({ rawBytes: 0, wireBytes: 0, transferMs: 0 })).toEqual({
      ratio: 0,
      transferMs: 0,
      effectiveBytesPerSecond: 0,
      wireBytesPerSecond: 0,
      stages: null,
    });
  });

  it('is a few words for a person', () => {
    expect(transferText({ rawBytes: 3 * 1024 ** 3, wireBytes: 1024 ** 3, transferMs: 3000 })).toBe(
      '3.0 GiB of stream as 1.0 GiB on the wire (3.0 : 1), 1.0 GiB/s',
    );
  });
});
