import { describe, expect, it } from 'vitest';
import { vdevNumber } from '../../../src/domain/vdev.js';

describe('S20: the number of a disk, from its name', () => {
  it.each([
    ['xvda', 51_712],
    ['xvdb', 51_728],
    ['xvda1', 51_713],
    ['d0p1', 51_713],
    ['d1', 51_728],
    ['xvdp15', 202 * 256 + 255],
    ['xvdq', 2 ** 28 + 16 * 256],
    ['xvda16', 2 ** 28 + 16],
    ['xvdz', 2 ** 28 + 25 * 256],
    ['xvdaa', 2 ** 28 + 26 * 256],
    ['xvdba', 2 ** 28 + 52 * 256],
    ['d26', 2 ** 28 + 26 * 256],
    ['hda', 3 * 256],
    ['hdb2', 3 * 256 + 64 + 2],
    ['hdc', 22 * 256],
    ['hdd63', 22 * 256 + 64 + 63],
    ['sda', 8 * 256],
    ['sdp15', 8 * 256 + 255],
  ])('%s: %d', (name, number) => {
    expect(vdevNumber(name)).toBe(number);
  });

  it.each([
    '',
    'xvd',
    'xvda256',
    'xvdA',
    'hde',
    'hda64',
    'sdq',
    'sda16',
    'd1048576',
    'd0p256',
    'd0p',
    'd01234567',
    'd01p',
    'd0 1',
    'vda',
  ])('%j is none', (name) => {
    expect(vdevNumber(name)).toBeUndefined();
  });

  it('both limits of the larger scheme hold, not either', () => {
    expect(vdevNumber('d1048575p255')).toBe(2 ** 28 + 1_048_575 * 256 + 255);
    expect(vdevNumber('d1048576p0')).toBeUndefined();
    expect(vdevNumber('d1048575p256')).toBeUndefined();
  });
});
