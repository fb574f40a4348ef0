import { describe, expect, it } from 'vitest';
import { streamOrigin, STREAM_HEAD_BYTES } from '../../../src/savestream/stream-release.js';
import { isOlderXen, releaseOf } from '../../../src/toolstack/xen-release.js';
import { smallHvmParts } from '../../support/small-stream.js';

describe('releases of Xen', () => {
  it.each([
    ['4.17.7', '4.17'],
    ['4.20-rc3', '4.20'],
    ['4.20', '4.20'],
    ['0.1.0', '0.1'],
    ['unstable', undefined],
    ['4', undefined],
    ['4.1234', undefined],
  ])('%s is of %s', (version, release) => {
    expect(releaseOf(version)).toBe(release);
  });

  it.each([
    ['4.17', '4.20', true],
    ['4.9', '4.10', true],
    ['4.20', '5.0', true],
    ['4.20', '4.20', false],
    ['4.20', '4.17', false],
    ['5.0', '4.20', false],
    [undefined, '4.20', false],
    ['4.17', undefined, false],
    ['4.17', 'new', false],
  ])('%s is older than %s: %s', (here, guests, older) => {
    expect(isOlderXen(here, guests)).toBe(older);
  });

  it('are in the first bytes of a stream, and of nothing else', () => {
    const stream = Buffer.concat(smallHvmParts());
    const head = stream.subarray(0, STREAM_HEAD_BYTES);
    expect(streamOrigin(head)).toEqual({ xen: expect.stringMatching(/^4\.\d+$/) as string, type: 'x86-hvm' });
    expect(streamOrigin(head)).toEqual(streamOrigin(stream));
    expect(streamOrigin(head.subarray(1))).toBeUndefined();
    for (const at of [0, 8, 16, 24, 36, 48]) {
      const damaged = Buffer.from(head);
      damaged[at] ^= 0xff;
      expect(streamOrigin(damaged), String(at)).toBeUndefined();
    }
  });
});
