import { z } from '../../errors/zod.js';
import { parseBigJson } from './big-json.js';
import type { HostFacts } from './agent-protocol.js';
import type { Address, LibxlNative } from './native.js';
import { dominfoOf } from './dominfo.js';
import { libxlError, RC_OK } from './return-code.js';
import { withStruct } from './with-struct.js';

const count = z.union([z.int().nonnegative(), z.bigint().nonnegative()]).transform(Number).default(0);

/** libxl_physinfo and libxl_version_info as JSON (libxl_types.idl): values of 0 are omitted. */
const physinfoSchema = z.object({
  nr_cpus: z.int().default(0),
  cores_per_socket: z.int().default(0),
  threads_per_core: z.int().default(0),
  hw_cap: z.array(z.int().nonnegative()).default([]),
  total_pages: count,
  free_pages: count,
  outstanding_pages: count,
});
const versionSchema = z.object({
  xen_version_major: z.int().default(0),
  xen_version_minor: z.int().default(0),
  xen_version_extra: z.string().default(''),
  pagesize: z.int().default(4096),
  capabilities: z.string().default(''),
  commandline: z.string().default(''),
});

/**
 * Where `hw_cap` is in libxl_physinfo from 4.14 to 4.22 (libxl_types.idl: after five words of 32 bits, seven of 64, and
 * one of 32), and how many words it has (libxl.h, `libxl_hwcap`).
 */
const HW_CAP_AT = 84;
const HW_CAP_WORDS = 8;

/**
 * All words of CPUID: libxl's JSON contains only the first four of them (libxl_json.c). The others are read after those
 * in the structure, if that begins with the words in the JSON; a release with another layout reports four.
 */
function allWords(native: LibxlNative, physinfo: Address, first: number[]): number[] {
  const words = Array.from({ length: HW_CAP_WORDS }, (_, index) =>
    native.readUint32(physinfo + BigInt(HW_CAP_AT + 4 * index)),
  );
  return first.length > 0 && first.every((word, index) => word === words[index]) ? words : first;
}

/** The hypervisor's version, and the machine's memory and processors. */
export async function hostFacts(native: LibxlNative): Promise<HostFacts> {
  const version = versionSchema.parse(parseBigJson(native.versionInfo() ?? '{}'));
  const dom0 = await dominfoOf(native, 0);
  return await withStruct(native, 'physinfo', (at) => {
    const rc = native.physinfo(at);
    const json = rc === RC_OK ? native.toJson('physinfo', at) : undefined;
    if (json === undefined) throw libxlError({ doing: 'look at the host', rc, log: [] });
    const info = physinfoSchema.parse(parseBigJson(json));
    const kib = (pages: number): number => (pages * version.pagesize) / 1024;
    return {
      version: `${version.xen_version_major}.${version.xen_version_minor}${version.xen_version_extra}`,
      totalMemoryKiB: kib(info.total_pages),
      // Memory that other domains have claimed but not used yet is not free.
      freeMemoryKiB: kib(Math.max(0, info.free_pages - info.outstanding_pages)),
      cpus: info.nr_cpus,
      lacks: [...native.lacks],
      commandLine: version.commandline,
      ...(dom0 === undefined
        ? {}
        : {
            dom0: {
              memoryKiB: Number(dom0.current_memkb),
              vcpus: dom0.vcpu_online,
              vcpusMax: dom0.vcpu_max_id + 1,
            },
          }),
      guestAbis: version.capabilities.split(' ').filter((word) => word !== ''),
      processors: {
        coresPerSocket: info.cores_per_socket,
        threadsPerCore: info.threads_per_core,
        cpuidWords: allWords(native, at, info.hw_cap),
      },
    };
  });
}
