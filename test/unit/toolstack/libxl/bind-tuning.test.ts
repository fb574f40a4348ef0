import { describe, expect, it } from 'vitest';
import { CpuSet } from '../../../../src/domain/cpu-set.js';
import { bindTuning } from '../../../../src/toolstack/libxl/bind-tuning.js';
import { allocate, free, viewOf } from '../../../../src/toolstack/libxl/c-memory.js';
import type { Library } from '../../../../src/toolstack/libxl/foreign.js';
import type { Address } from '../../../../src/toolstack/libxl/native.js';

const CTX = 1n;
/** libxl_vcpuinfo in 4.14 to 4.22 on x86-64, by its C declaration. */
const VCPU_BYTES = 56;

/** A libxl of these calls alone. */
function libxlOf(calls: Partial<Record<string, (...args: never[]) => unknown>>): Library {
  const func = (declaration: string): unknown => {
    const name = /(\w+)\(/.exec(declaration)?.[1] ?? '';
    const call = calls[name];
    if (call === undefined) throw new Error(`${name} is not called here`);
    return call;
  };
  return { func } as unknown as Library;
}

/** Bytes of a libxl_bitmap, as C sees them. */
function mapOf(bitmap: Address): number[] {
  const head = viewOf(bitmap, 16);
  const bytes = viewOf(head.getBigUint64(8, true), head.getUint32(0, true));
  return Array.from({ length: bytes.byteLength }, (_, at) => bytes.getUint8(at));
}

describe('sets of processors in C memory', () => {
  const tuning = bindTuning(libxlOf({}), CTX);

  it.each([
    [[], [0]],
    [[0], [1]],
    [[7], [0x80]],
    [
      [1, 8],
      [2, 1],
    ],
    [
      [17, 3, 0],
      [9, 0, 2],
    ],
  ])('S18: %j is a bitmap of %j', async (cpus, bytes) => {
    expect(await tuning.withBitmap(CpuSet.of(cpus), (bitmap) => Promise.resolve(mapOf(bitmap)))).toEqual(bytes);
  });

  it('S18: a guest of two processors: each with its place, its time and where it may run', () => {
    const list = allocate(2 * VCPU_BYTES);
    const map = allocate(2);
    viewOf(map, 2).setUint16(0, 0x0208, true);
    const view = viewOf(list, 2 * VCPU_BYTES);
    for (const [number, at] of [0, VCPU_BYTES].entries()) {
      view.setUint32(at, number, true);
      view.setUint32(at + 4, 3 * number, true);
      view.setUint8(at + 8, number);
      view.setBigUint64(at + 16, 5_000_000_000n, true);
      view.setUint32(at + 24, 2, true);
      view.setBigUint64(at + 32, map, true);
    }
    const freed: unknown[] = [];
    const libxl = libxlOf({
      libxl_list_vcpu: (_ctx: Address, _domid: number, vcpus: [number], cpus: [number]) => {
        [vcpus[0], cpus[0]] = [2, 16];
        return list;
      },
      libxl_vcpuinfo_list_free: (at: Address, count: number) => freed.push(at, count),
    });
    const timeNs = 5_000_000_000n;
    const both = { isBlocked: false, isRunning: false, timeNs, affinity: CpuSet.of([3, 9]) };
    expect(bindTuning(libxl, CTX).listVcpus(3)).toEqual([
      { ...both, number: 0, cpu: 0, isOnline: false },
      { ...both, number: 1, cpu: 3, isOnline: true },
    ]);
    expect(freed).toEqual([list, 2]);
    free(list);
    free(map);
  });
});
