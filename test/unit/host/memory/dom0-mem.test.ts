import { describe, expect, it } from 'vitest';
import { dom0MemOf, limitsDom0 } from '../../../../src/host/memory/dom0-mem.js';

const GIB = 1024 * 1024;
const TOTAL = 64 * GIB;

describe('S49: dom0_mem on Xen’s command line', () => {
  it.each<[string, number | undefined, number | undefined, number | undefined]>([
    ['', undefined, undefined, undefined],
    ['loglvl=all noreboot', undefined, undefined, undefined],
    ['dom0_mem=4G', 4 * GIB, undefined, undefined],
    ['dom0_mem=max:8G', undefined, undefined, 8 * GIB],
    ['dom0_mem=4G,max:8G', 4 * GIB, undefined, 8 * GIB],
    ['dom0_mem=max:8G,4G', 4 * GIB, undefined, 8 * GIB],
    ['dom0_mem=min:1G,max:8G,4G', 4 * GIB, GIB, 8 * GIB],
    ['dom0_mem=1024M,max:8192M dom0_max_vcpus=4', GIB, undefined, 8 * GIB],
    ['console=vga dom0_mem=max:8G loglvl=all', undefined, undefined, 8 * GIB],
    // Units: none is KiB, b is bytes.
    ['dom0_mem=max:8388608', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:8388608k', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:8388608K', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:8589934592b', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:8589934592B', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:8192m', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:8g', undefined, undefined, 8 * GIB],
    ['dom0_mem=max:0x2G', undefined, undefined, 2 * GIB],
    ['dom0_mem=max:010G', undefined, undefined, 8 * GIB],
    // Never more than there is.
    ['dom0_mem=max:1T', undefined, undefined, TOTAL],
    ['dom0_mem=max:99999999999999999999T', undefined, undefined, TOTAL],
    // That much less than all.
    ['dom0_mem=-4G', 60 * GIB, undefined, undefined],
    ['dom0_mem=max:-4G', undefined, undefined, 60 * GIB],
    ['dom0_mem=max:-128G', undefined, undefined, 0],
    // A share of all.
    ['dom0_mem=max:25%', undefined, undefined, 16 * GIB],
    ['dom0_mem=max:1G+25%', undefined, undefined, 17 * GIB],
    ['dom0_mem=max:-1G+25%', undefined, undefined, 47 * GIB],
    ['dom0_mem=min:10%,max:50%', undefined, Math.floor(TOTAL / 10), 32 * GIB],
    // What comes later wins.
    ['dom0_mem=max:8G dom0_mem=max:4G', undefined, undefined, 4 * GIB],
    ['dom0_mem=max:8G,max:6G', undefined, undefined, 6 * GIB],
    ['dom0_mem=2G dom0_mem=max:4G', 2 * GIB, undefined, 4 * GIB],
    // What Xen cannot read ends its list.
    ['dom0_mem=max:many,4G', undefined, undefined, undefined],
    ['dom0_mem=4G,max:8X', 4 * GIB, undefined, undefined],
    ['dom0_mem=max:100%', undefined, undefined, undefined],
    ['dom0_mem=max:25%+1G', undefined, undefined, undefined],
    ['dom0_mem=max:1G+1G', undefined, undefined, undefined],
    ['dom0_mem=', undefined, undefined, undefined],
    ['dom0_mem=max:', undefined, undefined, undefined],
    // Somebody else's words.
    ['xdom0_mem=max:8G dom0_memory=max:4G', undefined, undefined, undefined],
    ['-- dom0_mem=max:8G', undefined, undefined, undefined],
    ['"dom0_mem=max:8G"', undefined, undefined, 8 * GIB],
  ])('%j: size %s, min %s, max %s', (commandLine, sizeKiB, minKiB, maxKiB) => {
    expect(dom0MemOf(commandLine, TOTAL)).toEqual({ sizeKiB, minKiB, maxKiB });
    expect(limitsDom0(commandLine)).toBe(sizeKiB !== undefined || minKiB !== undefined || maxKiB !== undefined);
  });
});
