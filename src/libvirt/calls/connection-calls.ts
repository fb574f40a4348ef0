import { formatCapabilities } from '../../host/capabilities/capabilities.js';
import { formatDomainCapabilities } from '../../host/capabilities/domain-capabilities.js';
import { hostArch } from '../../host/capabilities/host-cpu.js';
import { CpuSet } from '../../domain/cpu-set.js';
import { checkFlags, unsupported, type Handlers } from './call.js';

/** As a client of libvirt takes it for: the release of libvirt whose behaviour this is, 9.0.0. */
const LIB_VERSION = 9_000_000n;

/** `4.17.3` as libvirt counts releases: 4017003. What is no release number counts as 0. */
export function releaseNumber(text: string): bigint {
  const [major = 0, minor = 0, patch = 0] = (/^\d{1,4}(?:\.\d{1,3}){0,2}/.exec(text)?.[0] ?? '0')
    .split('.')
    .map(Number);
  return BigInt(major) * 1_000_000n + BigInt(minor) * 1000n + BigInt(patch);
}

/** Calls about the host itself. */
export const connectionCalls = {
  getType: () => ({ type: 'Xen' }),
  getVersion: async (_args, { host, signal }) => ({
    version: releaseNumber((await host.toolstack.host(signal)).version),
  }),
  getLibVersion: () => ({ version: LIB_VERSION }),
  getHostname: async (_args, { host, signal }) => ({ hostname: (await host.toolstack.host(signal)).hostname }),
  getUri: () => ({ uri: 'xen:///system' }),
  getMaxVcpus: async (_args, { host, signal }) => ({ max: (await host.toolstack.host(signal)).cpus }),

  getCapabilities: async (_args, { host, signal }) => ({
    capabilities: formatCapabilities(await host.toolstack.host(signal), await host.hello(signal)),
  }),
  getDomainCapabilities: async ({ emulator, arch, machine, virtType, flags }, { host, signal }) => {
    checkFlags(flags);
    const request = { virttype: virtType, emulatorbin: emulator, arch, machine };
    return { capabilities: formatDomainCapabilities(await host.toolstack.host(signal), request) };
  },
  nodeGetInfo: async (_args, { host, signal }) => {
    const info = await host.toolstack.host(signal);
    const { coresPerSocket: cores = 1, threadsPerCore: threads = 1 } = info.processors ?? {};
    const perSocket = cores * threads;
    // Where the product differs from their number, libvirt's clients use `cpus`; one socket is not wrong then.
    const isWhole = perSocket > 0 && info.cpus % perSocket === 0;
    return {
      model: hostArch(info),
      memory: BigInt(info.totalMemoryKiB),
      cpus: info.cpus,
      mhz: 0,
      nodes: 1,
      sockets: isWhole ? info.cpus / perSocket : 1,
      cores: isWhole ? cores : info.cpus,
      threads: isWhole ? threads : 1,
    };
  },
  nodeGetFreeMemory: async (_args, { host, signal }) => ({
    free: BigInt((await host.toolstack.host(signal)).freeMemoryKiB) * 1024n,
  }),
  nodeGetCellsFreeMemory: async ({ startCell, maxCells }, { host, signal }) => {
    if (startCell !== 0) throw unsupported(`this host shows one cell of memory, 0: there is no ${startCell}`);
    return { cells: maxCells < 1 ? [] : [BigInt((await host.toolstack.host(signal)).freeMemoryKiB) * 1024n] };
  },
  nodeGetCpuMap: async ({ needMap, needOnline, flags }, { host, signal }) => {
    checkFlags(flags);
    const { cpus } = await host.toolstack.host(signal);
    const map = Buffer.alloc(Math.ceil(cpus / 8));
    Buffer.from(CpuSet.range(0, cpus - 1).toBytes()).copy(map);
    return { map: needMap === 0 ? Buffer.alloc(0) : map, online: needOnline === 0 ? 0 : cpus, ret: cpus };
  },
  nodeGetSecurityModel: () => ({ model: '', doi: '' }),
  isSecure: () => ({ secure: 1 }),

  // Clients list these at their start; this host has none.
  listAllStoragePools: () => ({ items: [], ret: 0 }),
  listAllNetworks: () => ({ items: [], ret: 0 }),
  listAllNodeDevices: () => ({ items: [], ret: 0 }),
  listAllNwfilters: () => ({ items: [], ret: 0 }),
  numOfNetworks: () => ({ num: 0 }),
  listNetworks: () => ({ names: [] }),
  nodeNumOfDevices: () => ({ num: 0 }),
  nodeListDevices: () => ({ names: [] }),
} satisfies Handlers;
