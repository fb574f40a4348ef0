import { ProtocolError } from '../../errors/errors.js';
import { NO_CPU, type Cpu, type CpuFeature } from '../definition/cpu.js';
import { CpuSet } from '../cpu-set.js';
import type { Device } from '../definition/devices/device.js';
import { plainDevice } from '../definition/devices/device.js';
import type { CrashAction, Definition, LifecycleAction, VcpuPin } from '../definition/model.js';
import { settingsFromJson } from './carried-settings.js';
import { readClockFields } from './clock.js';
import { cpuidFromJson } from './cpuid.js';
import { diskFromJson } from './disk.js';
import { videoFromJson, hvmGraphicsFromJson, vfbFromJson } from './display.js';
import { genidText, hvmDevices, readOsFields } from './hvm.js';
import { nicFromJson } from './nic.js';
import { channelFromJson, pciFromJson, usbControllerFromJson, usbDeviceFromJson } from './passthrough.js';
import { configSchema, type ReadConfig } from './schema.js';
import { unshownFields } from './unshown.js';
import { settingsToMetadata } from './xl-metadata.js';

/** A definition read from libxl's JSON. */
export interface FromLibxl {
  readonly definition: Definition;
  /** Settings that domain XML cannot express, as sentences with paths. */
  readonly warnings: readonly string[];
}

/**
 * Reads libxl_domain_config's JSON, already parsed, as a definition. Values that libxl would
 * choose are not added: `applyDefaults` does that.
 * @throws ProtocolError `E_PROTOCOL_LIBXL_JSON`
 */
export function fromLibxlConfig(json: unknown): FromLibxl {
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues.at(0);
    const path = issue?.path.join('.') ?? '';
    throw new ProtocolError(
      'E_PROTOCOL_LIBXL_JSON',
      `a libxl configuration, ${path}: ${issue?.message ?? 'unreadable'}`,
      {
        cause: parsed.error,
        hint: 'The configuration comes from the host that the guest was on; check the toolstack of that host.',
        data: { path },
      },
    );
  }
  return { definition: definitionOf(parsed.data), warnings: unshownFields(parsed.data) };
}

const ACTION_OF: Readonly<Record<ReadConfig['on_crash'], CrashAction | undefined>> = {
  destroy: 'destroy',
  restart: 'restart',
  restart_rename: 'rename-restart',
  preserve: 'preserve',
  coredump_destroy: 'coredump-destroy',
  coredump_restart: 'coredump-restart',
  soft_reset: undefined,
};

/** The action for an ending without a crash: domain XML has no core dump there. */
function lifecycleAction(action: ReadConfig['on_poweroff']): LifecycleAction | undefined {
  const own = ACTION_OF[action];
  return own === 'coredump-destroy' ? 'destroy' : own === 'coredump-restart' ? 'restart' : own;
}

function definitionOf(config: ReadConfig): Definition {
  const { c_info: made, b_info: built } = config;
  const hvm = built['type.hvm'];
  const memoryMaxKiB = built.max_memkb;
  const nested = built.nested_hvm ?? hvm?.nested_hvm;
  const cpus = affinity(built.vcpu_hard_affinity, built.max_vcpus);
  return {
    name: made.name,
    uuid: made.uuid.toLowerCase(),
    type: made.type,
    memoryMaxKiB,
    memoryCurrentKiB: Math.min(built.target_memkb ?? memoryMaxKiB, memoryMaxKiB) || memoryMaxKiB,
    vcpusMax: built.max_vcpus,
    vcpusCurrent: Math.min(built.max_vcpus, Math.max(1, built.avail_vcpus?.size ?? built.max_vcpus)),
    ...(cpus.all === undefined ? {} : { vcpuCpuset: cpus.all }),
    metadata: settingsToMetadata(settingsFromJson(config, made.type)),
    title: undefined,
    description: undefined,
    genid: hvm?.ms_vm_genid === undefined ? undefined : genidText(hvm.ms_vm_genid),
    os: readOsFields(built, made.type),
    pins: cpus.pins,
    cpuShares: weightOf(built.sched_params?.weight),
    features: {
      pae: made.type === 'hvm' && hvm?.pae !== false,
      acpi: made.type !== 'pv' && (built.acpi ?? hvm?.acpi) !== false,
      apic: made.type === 'hvm' && (built.apic ?? hvm?.apic) !== false,
      hap: made.hap,
      viridian: hvm?.viridian ?? false,
      e820Host: built['type.pv']?.e820_host,
      passthrough: passthroughOf(made.passthrough),
    },
    cpu: cpuOf(built, nested),
    clock: readClockFields(built),
    lifecycle: {
      onPoweroff: lifecycleAction(config.on_poweroff),
      onReboot: lifecycleAction(config.on_reboot),
      onCrash: ACTION_OF[config.on_crash],
    },
    emulator: built.device_model,
    devices: devicesOf(config),
    deviceModelArgs: [...built.extra, ...(made.type === 'hvm' ? built.extra_hvm : built.extra_pv)],
    foreign: [],
  };
}

const MAX_SHARES = 65_535;

function weightOf(weight: number | undefined): number | undefined {
  return weight === undefined || weight < 1 || weight > MAX_SHARES ? undefined : weight;
}

function passthroughOf(mode: ReadConfig['c_info']['passthrough']): Definition['features']['passthrough'] {
  switch (mode) {
    case undefined:
    case 'default':
      return undefined;
    case 'disabled':
      return { enabled: false, mode: undefined };
    case 'enabled':
      return { enabled: true, mode: undefined };
    case 'sync_pt':
    case 'share_pt':
      return { enabled: true, mode };
  }
}

/** One set for all vcpus is the cpuset of `<vcpu>`; sets that differ are pins. */
function affinity(
  sets: ReadConfig['b_info']['vcpu_hard_affinity'],
  vcpus: number,
): { readonly all: CpuSet | undefined; readonly pins: VcpuPin[] } {
  const known = sets.slice(0, vcpus);
  const first = known.at(0);
  const same = known.length === vcpus && first !== undefined && known.every((set) => set.equals(first));
  if (same) return { all: isSome(first) ? first : undefined, pins: [] };
  return { all: undefined, pins: known.flatMap((cpus, vcpu) => (isSome(cpus) ? [{ vcpu, cpus }] : [])) };
}

/** A set of all processors means no pin. */
function isSome(cpus: CpuSet): boolean {
  return !cpus.isEmpty && !cpus.equals(CpuSet.ALL);
}

function cpuOf(built: ReadConfig['b_info'], nested: boolean | undefined): Cpu | undefined {
  const nodes = built.vnuma_nodes;
  const { features } = cpuidFromJson(built.cpuid);
  const virtualization: CpuFeature[] =
    nested === undefined ? [] : [{ name: 'vmx', policy: nested ? 'require' : 'disable' }];
  const all = [...features, ...virtualization];
  if (all.length === 0 && nodes.length === 0) return undefined;
  return {
    ...NO_CPU,
    // Changed features are changes to the host's own processor (L03, L04).
    mode: all.length === 0 ? undefined : 'host-passthrough',
    features: all,
    numa: nodes.map((node, id) => ({
      id,
      ...(node.pnode === id ? {} : { pnode: node.pnode }),
      cpus: node.vcpus,
      memoryKiB: node.memkb,
      distances: node.distances
        .slice(0, nodes.length)
        .map((value, other) => ({ id: other, value: Math.max(10, value) })),
    })),
  };
}

function devicesOf(config: ReadConfig): Device[] {
  const { c_info: made, b_info: built } = config;
  const hvm = built['type.hvm'];
  const limits = { maxGrantFrames: built.max_grant_frames, maxEventChannels: built.event_channels };
  const limited = limits.maxGrantFrames !== undefined || limits.maxEventChannels !== undefined;
  return [
    ...config.disks.map(diskFromJson),
    ...config.usbctrls.flatMap(usbControllerFromJson),
    ...(limited ? [plainDevice({ kind: 'controller' as const, type: 'xenbus' as const, index: 0, ...limits })] : []),
    ...config.nics.map((nic) => nicFromJson(nic, made.type)),
    ...(hvm === undefined ? [] : hvmDevices(hvm)),
    ...config.channels.flatMap(channelFromJson),
    ...(hvm === undefined ? config.vfbs.flatMap(vfbFromJson) : hvmGraphicsFromJson(hvm)),
    ...(hvm === undefined ? [] : videoFromJson(hvm, built.video_memkb)),
    ...config.pcidevs.map(pciFromJson),
    ...config.usbdevs.flatMap(usbDeviceFromJson),
  ];
}
