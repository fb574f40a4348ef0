import { CpuSet } from '../../domain/cpu-set.js';
import { UsageError } from '../../errors/errors.js';
import { readDefinition } from '../../domain/definition/read.js';
import { currentDefinition } from '../../operations/lifecycle/details.js';
import { setMaxMemory, setMemory } from '../../operations/tuning/memory.js';
import { setScheduling, shownScheduling } from '../../operations/tuning/scheduling.js';
import { countOneVcpus, pinVcpu, setVcpus, vcpuInfos, vcpuPins } from '../../operations/tuning/vcpus.js';
import type { TypedParam, WireDomain } from '../wire/types.js';
import {
  AFFECT,
  checkFlags,
  findKnown,
  impactFlags,
  refOf,
  unsupported,
  type CallContext,
  type Handlers,
} from './call.js';

const EITHER = AFFECT.live | AFFECT.config;
/** VIR_DOMAIN_MEM_MAXIMUM, and VIR_DOMAIN_VCPU_MAXIMUM. */
const MAXIMUM = 4;

const kibOf = (memory: bigint): number => {
  if (memory <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(memory);
  throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', `${memory} KiB are more memory than any host has`);
};

async function giveMemory(
  { host, signal }: CallContext,
  dom: WireDomain,
  memory: bigint,
  flags: number,
): Promise<void> {
  checkFlags(flags, EITHER | MAXIMUM);
  const request = { kib: kibOf(memory), flags: impactFlags(flags), signal };
  if ((flags & MAXIMUM) === 0) await setMemory(host, refOf(dom), request);
  else await setMaxMemory(host, refOf(dom), request);
}

async function giveVcpus({ host, signal }: CallContext, dom: WireDomain, count: number, flags: number): Promise<void> {
  checkFlags(flags, EITHER | MAXIMUM);
  const maximum = (flags & MAXIMUM) !== 0;
  await setVcpus(host, refOf(dom), { count, maximum, flags: impactFlags(flags), signal });
}

/** Bytes of a set of processors, so many of them for each virtual one. */
function mapOf(cpus: CpuSet, length: number): Buffer {
  const map = Buffer.alloc(length);
  Buffer.from(cpus.toBytes()).copy(map, 0, 0, length);
  return map;
}

const mapLengthOf = (length: number): number => Math.max(0, Math.min(length, 512));

async function pin(
  { host, signal }: CallContext,
  dom: WireDomain,
  vcpu: number,
  map: Buffer,
  flags: number,
): Promise<void> {
  checkFlags(flags, EITHER);
  const cpus = CpuSet.fromBytes(map);
  if (cpus.isEmpty) throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', 'the set of processors is empty');
  const { cpus: there } = await host.toolstack.host(signal);
  const isAll = CpuSet.range(0, there - 1).without(cpus).isEmpty;
  await pinVcpu(host, refOf(dom), { vcpu, cpus: isAll ? undefined : cpus, flags: impactFlags(flags), signal });
}

async function schedulerParameters(
  { host, signal }: CallContext,
  dom: WireDomain,
  nparams: number,
  flags: number,
): Promise<{ params: TypedParam[] }> {
  checkFlags(flags, EITHER);
  const { weight, cap } = await shownScheduling(host, refOf(dom), impactFlags(flags), signal);
  const params: TypedParam[] = [
    ...(weight === undefined ? [] : [{ field: 'weight', kind: 'uint', value: weight } as const]),
    ...(cap === undefined ? [] : [{ field: 'cap', kind: 'uint', value: cap } as const]),
  ];
  return { params: params.slice(0, Math.max(0, nparams)) };
}

async function setSchedulerParameters(
  { host, signal }: CallContext,
  dom: WireDomain,
  params: readonly TypedParam[],
  flags: number,
): Promise<void> {
  checkFlags(flags, EITHER);
  const change: { weight?: number; cap?: number } = {};
  for (const { field, kind, value } of params) {
    if ((field !== 'weight' && field !== 'cap') || (kind !== 'uint' && kind !== 'int')) {
      throw new UsageError(
        'E_USAGE_LIBVIRT_ARGUMENT',
        `no parameter '${field}' of this type: weight and cap are numbers`,
      );
    }
    change[field] = value;
  }
  await setScheduling(host, refOf(dom), { ...change, flags: impactFlags(flags), signal });
}

const VCPU_STATE = { offline: 0, running: 1, blocked: 2 } as const;

/** Memory, processors and scheduling. */
export const tuningCalls = {
  domainGetMaxMemory: async ({ dom }, context) => {
    const known = await findKnown(context, dom);
    return { memory: BigInt((await currentDefinition(context.host, known)).memoryMaxKiB) };
  },
  domainSetMemory: ({ dom, memory }, context) => giveMemory(context, dom, memory, AFFECT.live),
  domainSetMemoryFlags: ({ dom, memory, flags }, context) => giveMemory(context, dom, memory, flags),
  domainSetMaxMemory: ({ dom, memory }, context) => giveMemory(context, dom, memory, MAXIMUM),

  domainSetVcpus: ({ dom, vcpus }, context) => giveVcpus(context, dom, vcpus, AFFECT.live),
  domainSetVcpusFlags: ({ dom, vcpus, flags }, context) => giveVcpus(context, dom, vcpus, flags),
  domainGetVcpusFlags: async ({ dom, flags }, { host }) => {
    checkFlags(flags, EITHER | MAXIMUM);
    const which = (flags & MAXIMUM) !== 0 ? 'maximum' : 'current';
    return { num: await countOneVcpus(host, refOf(dom), which, impactFlags(flags)) };
  },
  domainGetMaxVcpus: async ({ dom }, context) => {
    const domain = await currentDefinition(context.host, await findKnown(context, dom));
    return { num: readDefinition(domain, { lenient: true }).definition.vcpusMax };
  },
  domainGetVcpus: async ({ dom, maxInfo, mapLength }, { host }) => {
    const { vcpus, cpus } = await vcpuInfos(host, refOf(dom));
    const shown = vcpus.slice(0, Math.max(0, maxInfo));
    const length = mapLengthOf(mapLength);
    const all = CpuSet.range(0, cpus - 1);
    return {
      info: shown.map(({ number, state, cpuTimeNs, cpu }) => ({
        number,
        state: VCPU_STATE[state],
        cpuTime: cpuTimeNs,
        cpu: cpu ?? -1,
      })),
      maps: Buffer.concat(shown.map(({ affinity }) => mapOf((affinity ?? all).below(cpus), length))),
    };
  },
  domainGetVcpuPinInfo: async ({ dom, maps, mapLength, flags }, { host, signal }) => {
    checkFlags(flags, EITHER);
    const { cpus } = await host.toolstack.host(signal);
    const pins = (await vcpuPins(host, refOf(dom), impactFlags(flags))).slice(0, Math.max(0, maps));
    const length = mapLengthOf(mapLength);
    const all = CpuSet.range(0, cpus - 1);
    return {
      maps: Buffer.concat(pins.map((one) => mapOf((one.cpus ?? all).below(cpus), length))),
      num: pins.length,
    };
  },
  domainPinVcpu: ({ dom, vcpu, map }, context) => pin(context, dom, vcpu, map, AFFECT.live),
  domainPinVcpuFlags: ({ dom, vcpu, map, flags }, context) => pin(context, dom, vcpu, map, flags),

  domainGetSchedulerType: async ({ dom }, { host, signal }) => {
    const flags = { live: false, config: false, current: true };
    const { scheduler } = await shownScheduling(host, refOf(dom), flags, signal);
    if (scheduler === undefined) throw unsupported('the scheduler is known of running domains only');
    return { type: scheduler, nparams: 2 };
  },
  domainGetSchedulerParameters: ({ dom, nparams }, context) => schedulerParameters(context, dom, nparams, 0),
  domainGetSchedulerParametersFlags: ({ dom, nparams, flags }, context) =>
    schedulerParameters(context, dom, nparams, flags),
  domainSetSchedulerParameters: ({ dom, params }, context) => setSchedulerParameters(context, dom, params, 0),
  domainSetSchedulerParametersFlags: ({ dom, params, flags }, context) =>
    setSchedulerParameters(context, dom, params, flags),
} satisfies Handlers;
