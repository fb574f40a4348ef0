import { CpuSet } from '../../domain/cpu-set.js';
import { allocate, free, viewOf } from './c-memory.js';
import { onThread, type Library } from './foreign.js';
import type { Address, LibxlNative, NativeVcpu } from './native.js';
import { bindLate } from './optional-calls.js';

/** libxl_bitmap: a 32-bit size in bytes, padding, a pointer to the map (libxl.h). */
const BITMAP_BYTES = 16;
const BITMAP_MAP_AT = 8;
/** libxl_vcpuinfo: vcpuid, cpu, three bools, vcpu_time, then the maps of hard and soft affinity (libxl_types.idl). */
const VCPU_BYTES = 56;
const VCPU_AT = { id: 0, cpu: 4, online: 8, blocked: 9, running: 10, time: 16, hard: 24 } as const;
/** More than Xen gives a guest, and more processors than a host has. */
const MOST_VCPUS = 8192;
const MOST_MAP_BYTES = 4096;
/** INVALID_DOMID (libxl.h): there is no domain yet. */
const NO_DOMID = 0xffff_ffff;

type Tuning = Pick<
  LibxlNative,
  | 'setMemoryTarget'
  | 'setDom0Target'
  | 'neededMemory'
  | 'readUint64'
  | 'setVcpuAffinity'
  | 'schedParams'
  | 'setSchedParams'
  | 'listVcpus'
  | 'withBitmap'
>;

/** Calls that change a running domain's memory, processors and scheduling, or read them (libxl.h). */
export function bindTuning(libxl: Library, ctx: Address): Tuning {
  const setMemoryTarget = bindLate(
    () =>
      onThread(
        libxl.func(
          'int libxl_set_memory_target(void *ctx, uint32_t domid, int64_t target_memkb, int relative, int enforce)',
        ),
      ) as (...args: [Address, number, number, number, number]) => Promise<number>,
  );
  const neededMemory = bindLate(
    () =>
      onThread(
        libxl.func(
          'int libxl_domain_need_memory(void *ctx, void *config, uint32_t domid_for_logging, void *need_memkb)',
        ),
      ) as (...args: [Address, Address, number, Address]) => Promise<number>,
  );
  const setVcpuAffinity = bindLate(
    () =>
      onThread(
        libxl.func('int libxl_set_vcpuaffinity(void *ctx, uint32_t domid, uint32_t vcpu, void *hard, void *soft)'),
      ) as (...args: [Address, number, number, Address, null]) => Promise<number>,
  );
  const scheduling = (call: 'get' | 'set'): ((...args: [Address, number, Address]) => Promise<number>) =>
    bindLate(
      () =>
        onThread(libxl.func(`int libxl_domain_sched_params_${call}(void *ctx, uint32_t domid, void *params)`)) as (
          ...args: [Address, number, Address]
        ) => Promise<number>,
    );
  const schedParams = scheduling('get');
  const setSchedParams = scheduling('set');
  const listVcpu = bindLate(
    () =>
      libxl.func('void *libxl_list_vcpu(void *ctx, uint32_t domid, _Out_ int *vcpus, _Out_ int *cpus)') as (
        ...args: [Address, number, [number], [number]]
      ) => Address | null,
  );
  const freeVcpus = bindLate(
    () => libxl.func('void libxl_vcpuinfo_list_free(void *list, int count)') as (...args: [Address, number]) => void,
  );

  return {
    setMemoryTarget: (domid, kib) => setMemoryTarget(ctx, domid, kib, 0, 1),
    setDom0Target: (kib) => setMemoryTarget(ctx, 0, kib, 0, 0),
    neededMemory: (config, kibOut) => neededMemory(ctx, config, NO_DOMID, kibOut),
    readUint64: (at) => viewOf(at, 8).getBigUint64(0, true),
    setVcpuAffinity: (domid, vcpu, cpus) => setVcpuAffinity(ctx, domid, vcpu, cpus, null),
    schedParams: (domid, params) => schedParams(ctx, domid, params),
    setSchedParams: (domid, params) => setSchedParams(ctx, domid, params),
    withBitmap,
    listVcpus: (domid) => {
      const count: [number] = [0];
      const list = listVcpu(ctx, domid, count, [0]);
      if (list === null) return undefined;
      try {
        if (count[0] > MOST_VCPUS) return undefined;
        const view = viewOf(list, Math.max(1, count[0]) * VCPU_BYTES);
        return Array.from({ length: count[0] }, (_, index) => readVcpu(view, index * VCPU_BYTES));
      } finally {
        freeVcpus(list, count[0]);
      }
    },
  };
}

function readVcpu(view: DataView, at: number): NativeVcpu {
  const flag = (offset: number): boolean => view.getUint8(at + offset) !== 0;
  return {
    number: view.getUint32(at + VCPU_AT.id, true),
    cpu: view.getUint32(at + VCPU_AT.cpu, true),
    isOnline: flag(VCPU_AT.online),
    isBlocked: flag(VCPU_AT.blocked),
    isRunning: flag(VCPU_AT.running),
    timeNs: view.getBigUint64(at + VCPU_AT.time, true),
    affinity: readBitmap(view, at + VCPU_AT.hard),
  };
}

/** Numbers of the bits that are set; empty if the map is larger than possible. */
function readBitmap(view: DataView, at: number): CpuSet {
  const bytes = view.getUint32(at, true);
  const map = view.getBigUint64(at + BITMAP_MAP_AT, true);
  if (map === 0n || bytes === 0 || bytes > MOST_MAP_BYTES) return CpuSet.NONE;
  const bits = viewOf(map, bytes);
  return CpuSet.fromBytes(Uint8Array.from({ length: bytes }, (_, at) => bits.getUint8(at)));
}

/** A libxl_bitmap with these bits set, for the time of a call. */
async function withBitmap<T>(bits: CpuSet, use: (bitmap: Address) => Promise<T>): Promise<T> {
  const bytes = bits.toBytes();
  const bitmap = allocate(BITMAP_BYTES);
  const map = allocate(bytes.length);
  try {
    const view = viewOf(bitmap, BITMAP_BYTES);
    view.setUint32(0, bytes.length, true);
    view.setBigUint64(BITMAP_MAP_AT, map, true);
    const on = viewOf(map, bytes.length);
    for (const [at, byte] of bytes.entries()) on.setUint8(at, byte);
    return await use(bitmap);
  } finally {
    free(map);
    free(bitmap);
  }
}
