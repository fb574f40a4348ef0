import { devicesOfKind } from './devices-of-kind.js';
import type { BootDevice } from '../definition/os.js';
import type { Definition } from '../definition/model.js';
import { givenFeatures, type NumaCell } from '../definition/cpu.js';
import { formatCharacterText } from '../native/character-text.js';
import { CpuSet } from '../cpu-set.js';
import { MAX_VCPUS } from '../definition/validate/basics.js';
import { notMapped } from '../native/not-mapped.js';
import { cpuidToJson, isVirtualization } from './cpuid.js';
import { hvmGraphicsToJson, videoToJson } from './display.js';
import { viridianBits } from './viridian-bits.js';
import { defbool, given, type Json, type JsonObject } from './json.js';

/* libxl_domain_build_info. */

const LOCAL_DISTANCE = 10;
const REMOTE_DISTANCE = 20;

const BOOT_LETTERS: Readonly<Record<BootDevice, string>> = { fd: 'a', hd: 'c', cdrom: 'd', network: 'n' };
const TSC_MODES = { native: 'native', paravirt: 'native_paravirt', emulate: 'always_emulate' } as const;

/** Processors on which each vcpu may run; undefined: all (L06). As text up to 20 KB for each vcpu. */
function affinity({ type, vcpuCpuset, pins, vcpusMax }: Definition): CpuSet[] | undefined {
  if (vcpuCpuset === undefined && pins.length === 0) return undefined;
  if (vcpusMax > MAX_VCPUS[type]) throw notMapped(`a ${type} guest with ${vcpusMax} vcpus`, 'Use fewer.');
  const sets = new Map(pins.map(({ vcpu, cpus }) => [vcpu, cpus]));
  const count = vcpuCpuset === undefined ? Math.max(...sets.keys()) + 1 : vcpusMax;
  return Array.from({ length: count }, (_, vcpu) => sets.get(vcpu) ?? vcpuCpuset ?? CpuSet.ALL);
}

/** The distance from one cell to another; a distance given in one direction applies to both, as in libvirt. */
function distance(from: NumaCell, to: NumaCell): number {
  const said = from.distances.find(({ id }) => id === to.id) ?? to.distances.find(({ id }) => id === from.id);
  return said?.value ?? (from.id === to.id ? LOCAL_DISTANCE : REMOTE_DISTANCE);
}

function numaNode(cell: NumaCell, index: number, cells: readonly NumaCell[]): JsonObject {
  return {
    memkb: cell.memoryKiB,
    distances: cells.map((other) => distance(cell, other)),
    pnode: cell.pnode ?? index,
    vcpus: cell.cpus,
  };
}

function tscMode({ clock }: Definition): string | undefined {
  const mode = clock.timers.find(({ name }) => name === 'tsc')?.mode;
  if (mode === undefined) return undefined;
  if (mode === 'auto' || mode === 'smpsafe') throw notMapped(`TSC mode '${mode}'`, "Use 'native' or 'emulate'.");
  return TSC_MODES[mode];
}

function clockFields({ clock }: Definition): Readonly<Record<string, Json | undefined>> {
  const { base } = clock;
  switch (base.offset) {
    case 'utc':
      return {};
    case 'localtime':
      return { localtime: 'True' };
    case 'variable':
      // Signed seconds, which the JSON represents without a sign.
      return {
        rtc_timeoffset: base.adjustmentSeconds >>> 0,
        localtime: base.basis === 'localtime' ? 'True' : undefined,
      };
    case 'timezone':
    case 'absolute':
      throw notMapped(`clock offset '${base.offset}'`, "Use 'utc', 'localtime' or 'variable'.");
  }
}

/**
 * Whether the guest may run a hypervisor itself (L03): only if the definition says so. The host's own setting for
 * `host-passthrough` has been written into the definition when the guest is started.
 */
function nestedHvm({ cpu, type }: Definition): boolean | undefined {
  if (type !== 'hvm') return undefined;
  const virt = givenFeatures(cpu).find((one) => isVirtualization(one) && one.policy !== 'optional');
  return virt && (virt.policy === 'require' || virt.policy === 'force');
}

function bios({ os }: Definition): Readonly<Record<string, Json | undefined>> {
  if (os.nvram !== undefined) throw notMapped('<nvram>', 'Leave it out; the firmware keeps its variables in memory.');
  const { loader } = os;
  const isPflash = loader?.type === 'pflash';
  const kind = isPflash || os.firmware === 'efi' ? 'ovmf' : os.firmware === 'bios' ? 'seabios' : undefined;
  // `rom` is hvmloader, whose path is the host's own.
  return { bios: kind, system_firmware: isPflash ? loader.path : undefined };
}

function serials(definition: Definition): Readonly<Record<string, Json | undefined>> {
  const all = devicesOfKind(definition.devices, 'serial')
    .toSorted((a, b) => (a.port ?? 0) - (b.port ?? 0))
    .map(({ source }) => formatCharacterText(source));
  return all.length > 1 ? { serial_list: all } : { serial: all[0] };
}

const SOUND_HW = { sb16: 'sb16', es1370: 'es1370', ac97: 'ac97', ich6: 'hda' } as const;

function hvmInfo(definition: Definition): JsonObject {
  const { os, features, genid, devices } = definition;
  const usb = devicesOfKind(devices, 'input').filter(({ bus }) => bus === 'usb');
  const sounds = devicesOfKind(devices, 'sound').map(({ model }) => SOUND_HW[model]);
  const graphics = devicesOfKind(devices, 'graphics');
  const video = devicesOfKind(devices, 'video').at(0);
  return given({
    ...bios(definition),
    pae: defbool(features.pae),
    viridian: defbool(features.viridian),
    viridian_enable: features.hyperv === undefined ? undefined : viridianBits(features.hyperv),
    hpet: defbool(definition.clock.timers.find(({ name }) => name === 'hpet')?.present),
    acpi_firmware: os.acpiTables?.path,
    acpi_s3: defbool(definition.power?.toMemory),
    acpi_s4: defbool(definition.power?.toDisk),
    boot: os.boot.length === 0 ? undefined : os.boot.map((device) => BOOT_LETTERS[device]).join(''),
    ...videoToJson(video),
    ...hvmGraphicsToJson(graphics),
    ...serials(definition),
    usb: usb.length > 0 ? 'True' : undefined,
    usbdevice_list: usb.length > 0 ? usb.map(({ type }) => type) : undefined,
    // One text; libxl reports at start whether it supports several.
    soundhw: sounds.length === 0 ? undefined : sounds.join(','),
    ms_vm_genid: genid === undefined ? undefined : genidBytes(genid),
  });
}

/** The 16 bytes as a UUID writes them: its first three fields are little-endian in memory (Microsoft's GUID). */
function genidBytes(genid: string): number[] {
  const bytes = [...Buffer.from(genid.replaceAll('-', ''), 'hex')];
  if (bytes.length !== 16) throw notMapped('<genid> without a value', 'Give it a UUID.');
  const swapped = (from: number, to: number): number[] => bytes.slice(from, to).reverse();
  return [...swapped(0, 4), ...swapped(4, 6), ...swapped(6, 8), ...bytes.slice(8)];
}

function typeInfo(definition: Definition): JsonObject {
  switch (definition.type) {
    case 'hvm':
      return { 'type.hvm': hvmInfo(definition) };
    case 'pv':
      return { 'type.pv': given({ e820_host: defbool(definition.features.e820Host) }) };
    case 'pvh':
      return { 'type.pvh': {} };
  }
}

/** `b_info` of a definition. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function buildInfo(definition: Definition): JsonObject {
  const { os, type, features, cpu, devices } = definition;
  const xenbus = devicesOfKind(devices, 'controller').find((one) => one.type === 'xenbus');
  const cells = cpu?.numa ?? [];
  const pinned = affinity(definition);
  const video = devicesOfKind(devices, 'video').at(0);
  return given({
    max_vcpus: definition.vcpusMax,
    avail_vcpus: Array.from({ length: definition.vcpusCurrent }, (_, vcpu) => vcpu),
    vcpu_hard_affinity: pinned,
    // Automatic placement on a node would contradict the placement of its vcpus and memory.
    numa_placement: pinned === undefined && !cells.some(({ pnode }) => pnode !== undefined) ? undefined : 'False',
    tsc_mode: tscMode(definition),
    max_memkb: definition.memoryMaxKiB,
    target_memkb: definition.memoryCurrentKiB,
    video_memkb: type === 'hvm' ? video?.vramKiB : undefined,
    ...clockFields(definition),
    vnuma_nodes: cells.length === 0 ? undefined : cells.map(numaNode),
    max_grant_frames: xenbus?.maxGrantFrames,
    event_channels: xenbus?.maxEventChannels,
    device_model: definition.emulator,
    device_model_version: definition.emulator === undefined ? undefined : 'qemu_xen',
    extra: definition.deviceModelArgs.length === 0 ? undefined : definition.deviceModelArgs,
    sched_params: definition.cpuShares === undefined ? undefined : { weight: definition.cpuShares },
    kernel: os.kernel,
    ramdisk: os.initrd,
    cmdline: os.cmdline,
    bootloader: os.bootloader,
    bootloader_args: os.bootloaderArgs.length === 0 ? undefined : os.bootloaderArgs,
    // An HVM guest has the features of its definition, and a PVH guest needs ACPI to find its processors.
    acpi: type === 'hvm' ? defbool(features.acpi) : type === 'pvh' && features.acpi ? 'True' : undefined,
    apic: type === 'hvm' ? defbool(features.apic) : undefined,
    nested_hvm: defbool(nestedHvm(definition)),
    cpuid: cpuidToJson(givenFeatures(cpu)),
    ...typeInfo(definition),
  });
}
