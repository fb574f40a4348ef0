import { readDefinition } from '../../domain/definition/read.js';
import { RefusedError, XenferryError } from '../../errors/errors.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import { interfaceAddresses } from '../../operations/addresses/interface-addresses.js';
import { diskStatistics } from '../../operations/statistics/disk-statistics.js';
import { interfaceStatistics } from '../../operations/statistics/interface-statistics.js';
import { cardsOf } from '../../operations/statistics/cards.js';
import { memoryStatistics } from '../../operations/statistics/memory-statistics.js';
import type { TypedParam, WireDomain } from '../wire/types.js';
import { checkFlags, refOf, unsupported, wireKnown, type CallContext, type Handlers } from './call.js';
import { stateOf } from './domain-state.js';

/** virDomainStatsTypes: which groups of domstats there are here. */
const STATS = { state: 1, cpu: 2, balloon: 4, vcpu: 8, interface: 16, block: 32 } as const;
const EVERY_STATS = 63;
/** virConnectGetAllDomainStatsFlags: the filters of the list, in the same bits, and `enforce`. */
const WHICH = { active: 1, inactive: 2, persistent: 4, transient: 8, running: 16, paused: 32, shutoff: 64, other: 128 };
const EVERY_WHICH = 255;
const ENFORCE_STATS = 0x8000_0000;
/** virDomainMemoryStatTags. */
const MEMORY_TAG = { available: 5, balloon: 6 } as const;
const DHCP_LEASES = 0;

const int = (field: string, value: number): TypedParam => ({ field, kind: 'int', value });
const uint = (field: string, value: number): TypedParam => ({ field, kind: 'uint', value });
const ullong = (field: string, value: bigint): TypedParam => ({ field, kind: 'ullong', value });
const text = (field: string, value: string): TypedParam => ({ field, kind: 'string', value });

/** A figure that is unavailable is left out of a bulk answer, as in libvirt; other errors are not hidden. */
async function orNone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof XenferryError && error.code !== 'E_ABORTED') return undefined;
    throw error;
  }
}

async function networkStats({ host, signal }: CallContext, { uuid, info }: KnownDomain): Promise<TypedParam[]> {
  if (info === undefined) return [];
  const cards = cardsOf({ info, config: await host.toolstack.describe(info.domid, signal) });
  const params = [uint('net.count', cards.length)];
  for (const [index, { names }] of cards.entries()) {
    const key = `net.${index}`;
    params.push(text(`${key}.name`, names[0]));
    const figures = await orNone(interfaceStatistics(host, uuid, names[0], signal));
    if (figures === undefined) continue;
    for (const [way, { bytes, packets, errors, dropped }] of [
      ['rx', figures.received],
      ['tx', figures.sent],
    ] as const) {
      params.push(ullong(`${key}.${way}.bytes`, bytes), ullong(`${key}.${way}.pkts`, packets));
      params.push(ullong(`${key}.${way}.errs`, errors), ullong(`${key}.${way}.drop`, dropped));
    }
  }
  return params;
}

async function blockStats({ host, signal }: CallContext, { uuid, info }: KnownDomain): Promise<TypedParam[]> {
  if (info === undefined) return [];
  const { domain } = await host.toolstack.describe(info.domid, signal);
  const disks = readDefinition(domain, { lenient: true }).definition.devices.filter((one) => one.kind === 'disk');
  const params = [uint('block.count', disks.length)];
  for (const [index, { target, source }] of disks.entries()) {
    const key = `block.${index}`;
    params.push(text(`${key}.name`, target));
    if ((source.type === 'file' || source.type === 'block') && source.path !== undefined)
      params.push(text(`${key}.path`, source.path));
    const figures = await orNone(diskStatistics(host, uuid, target, signal));
    if (figures === undefined) continue;
    params.push(ullong(`${key}.rd.reqs`, figures.readRequests), ullong(`${key}.rd.bytes`, figures.readBytes));
    params.push(ullong(`${key}.wr.reqs`, figures.writeRequests), ullong(`${key}.wr.bytes`, figures.writeBytes));
    params.push(ullong(`${key}.fl.reqs`, figures.flushRequests));
  }
  return params;
}

async function vcpuStats({ host, signal }: CallContext, { info, stored }: KnownDomain): Promise<TypedParam[]> {
  const definition = stored && readDefinition(stored.domain, { lenient: true }).definition;
  const params = [uint('vcpu.current', info?.vcpus ?? definition?.vcpusCurrent ?? 0)];
  const vcpus = info && (await orNone(host.toolstack.vcpus(info.domid, signal)));
  params.push(uint('vcpu.maximum', vcpus?.length ?? definition?.vcpusMax ?? info?.vcpus ?? 0));
  for (const { number, state, cpuTimeNs } of vcpus ?? []) {
    params.push(int(`vcpu.${number}.state`, state === 'offline' ? 0 : state === 'running' ? 1 : 2));
    params.push(ullong(`vcpu.${number}.time`, cpuTimeNs));
  }
  return params;
}

async function statsOf(context: CallContext, known: KnownDomain, groups: number): Promise<TypedParam[]> {
  const { info, stored } = known;
  const params: TypedParam[] = [];
  if ((groups & STATS.state) !== 0) {
    const { state, reason } = stateOf(known, context.host.runs.get(known.uuid));
    params.push(int('state.state', state), int('state.reason', reason));
  }
  if ((groups & STATS.cpu) !== 0 && info !== undefined) params.push(ullong('cpu.time', info.cpuTimeNs));
  if ((groups & STATS.balloon) !== 0) {
    if (info !== undefined) params.push(ullong('balloon.current', BigInt(info.memoryKiB)));
    params.push(ullong('balloon.maximum', BigInt(info?.maxMemoryKiB ?? stored?.domain.memoryMaxKiB ?? 0)));
  }
  if ((groups & STATS.vcpu) !== 0) params.push(...(await vcpuStats(context, known)));
  if ((groups & STATS.interface) !== 0) params.push(...(await networkStats(context, known)));
  if ((groups & STATS.block) !== 0) params.push(...(await blockStats(context, known)));
  return params;
}

/** Whether the filters of the call let a domain through; a group of which no bit is set lets everything through. */
function isWanted({ host }: CallContext, known: KnownDomain, flags: number): boolean {
  const { state } = stateOf(known, host.runs.get(known.uuid));
  const active = known.info === undefined ? WHICH.inactive : WHICH.active;
  const kept = known.stored === undefined ? WHICH.transient : WHICH.persistent;
  const byState = new Map([
    [1, WHICH.running],
    [3, WHICH.paused],
    [5, WHICH.shutoff],
  ]);
  const bits = active | kept | (byState.get(state) ?? WHICH.other);
  const groups = [
    WHICH.active | WHICH.inactive,
    WHICH.persistent | WHICH.transient,
    WHICH.running | WHICH.paused | WHICH.shutoff | WHICH.other,
  ];
  return groups.every((group) => (flags & group) === 0 || (flags & group & bits) !== 0);
}

async function blockFigures({ host, signal }: CallContext, dom: WireDomain, path: string) {
  return await diskStatistics(host, refOf(dom), path === '' ? undefined : path, signal);
}

/** What the kernel and the hypervisor count for guests. */
export const statisticsCalls = {
  domainBlockStats: async ({ dom, path }, context) => {
    const { readRequests, readBytes, writeRequests, writeBytes, errors } = await blockFigures(context, dom, path);
    return { readRequests, readBytes, writeRequests, writeBytes, errors };
  },
  domainBlockStatsFlags: async ({ dom, path, nparams, flags }, context) => {
    checkFlags(flags);
    const figures = await blockFigures(context, dom, path);
    const all = (
      [
        ['rd_bytes', figures.readBytes],
        ['rd_operations', figures.readRequests],
        ['wr_bytes', figures.writeBytes],
        ['wr_operations', figures.writeRequests],
        ['flush_operations', figures.flushRequests],
      ] as const
    ).map(([field, value]): TypedParam => ({ field, kind: 'llong', value }));
    // A request with room for none gets their number only.
    return {
      params: all.slice(0, Math.max(0, nparams)),
      nparams: nparams <= 0 ? all.length : Math.min(nparams, all.length),
    };
  },
  domainInterfaceStats: async ({ dom, device }, { host, signal }) => {
    const { received, sent } = await interfaceStatistics(host, refOf(dom), device, signal);
    return {
      rxBytes: received.bytes,
      rxPackets: received.packets,
      rxErrors: received.errors,
      rxDropped: received.dropped,
      txBytes: sent.bytes,
      txPackets: sent.packets,
      txErrors: sent.errors,
      txDropped: sent.dropped,
    };
  },
  domainMemoryStats: async ({ dom, max, flags }, { host, signal }) => {
    checkFlags(flags);
    const { memoryKiB, maxMemoryKiB } = await memoryStatistics(host, refOf(dom), signal);
    const stats = [
      { tag: MEMORY_TAG.balloon, value: BigInt(memoryKiB) },
      { tag: MEMORY_TAG.available, value: BigInt(maxMemoryKiB) },
    ];
    return { stats: stats.slice(0, max) };
  },
  domainGetCpuStats: async ({ dom, nparams, startCpu, cpus, flags }, { host, signal }) => {
    checkFlags(flags);
    const { cpuTimeNs } = await host.find(refOf(dom), signal);
    // -1: the domain as a whole, which is what Xen counts; processors of the host are not counted separately.
    if (startCpu !== -1) {
      if (nparams === 0 && cpus === 0) return { params: [], nparams: (await host.toolstack.host(signal)).cpus };
      throw unsupported("Xen does not count a domain's time by the host's processors", 'Ask for the total (--total).');
    }
    const all = [ullong('cpu_time', cpuTimeNs)];
    return { params: all.slice(0, nparams), nparams: nparams === 0 ? all.length : Math.min(nparams, all.length) };
  },
  getAllDomainStats: async ({ doms, stats, flags }, context) => {
    checkFlags(flags, (EVERY_WHICH | ENFORCE_STATS) >>> 0);
    const groups = stats === 0 ? EVERY_STATS : stats & EVERY_STATS;
    if ((flags & ENFORCE_STATS) !== 0 && (stats & ~EVERY_STATS) !== 0) {
      throw unsupported(
        `Stats types bits 0x${((stats & ~EVERY_STATS) >>> 0).toString(16)} are not supported by this host`,
      );
    }
    const { domains } = await context.host.known(context.signal);
    const asked = new Set(doms.map(refOf));
    const missing = [...asked].find((uuid) => !domains.some((one) => one.uuid === uuid));
    if (missing !== undefined)
      throw new RefusedError('E_REFUSED_NO_DOMAIN', `no domain with matching uuid '${missing}'`);
    const records: { dom: WireDomain; params: TypedParam[] }[] = [];
    for (const known of domains) {
      const isAsked = asked.size > 0 ? asked.has(known.uuid) : isWanted(context, known, flags);
      if (!isAsked) continue;
      // A domain that has ended meanwhile is left out, as in libvirt.
      const params = await orNone(statsOf(context, known, groups));
      if (params !== undefined) records.push({ dom: wireKnown(known), params });
    }
    return { records };
  },
  domainInterfaceAddresses: async ({ dom, source, flags }, { host, signal }) => {
    checkFlags(flags);
    if (source !== DHCP_LEASES) throw unsupported('addresses are known from DHCP leases only', 'Use --source lease.');
    const { interfaces } = await interfaceAddresses(host, refOf(dom), { now: Date.now() / 1000, signal });
    return {
      interfaces: interfaces.map(({ ifname, mac, addresses }) => ({
        name: ifname,
        hwaddr: mac,
        addrs: addresses.map(({ family, address, prefix }) => ({
          type: family === 'ipv4' ? 0 : 1,
          addr: address,
          prefix: prefix ?? (family === 'ipv4' ? 32 : 128),
        })),
      })),
    };
  },
} satisfies Handlers;
