import { ProtocolError } from '../../errors/errors.js';
import { CpuSet } from '../cpu-set.js';
import type { Definition } from '../definition/model.js';
import { actionJson } from '../libxl-json/action-field.js';
import { CARRIED_SETTINGS, withSetting } from '../libxl-json/carried-settings.js';
import { recordOf } from '../libxl-json/field-codecs.js';
import { fromLibxlConfig } from '../libxl-json/from-libxl.js';
import { defbool, given, type Json, type JsonObject } from '../libxl-json/json.js';
import type { GuestType } from '../model.js';
import { cpuidOf, withCpuid } from './cpuid.js';
import { parseCpuList } from '../native/cpu-list.js';
import { parseChannelText, parseUsbControllerText, parseUsbDeviceText, parseVfbText } from './devices-from.js';
import { parseDiskText } from './disk-text.js';
import type { NativeFormat } from './formats.js';
import { hvmFrom, vncFrom } from './hvm-from.js';
import { notCarried } from './key-table.js';
import { parsePciText } from './pci-text.js';
import { numberOf, Settings, type Placed } from './settings.js';
import { badConfig, parseCfg } from './syntax.js';
import { parseVifText } from './vif-text.js';
import { parseVnuma, type Vnuma } from './vnuma.js';

/*
 * A file for xl or xm expresses libxl's configuration in another syntax: it is read into that (as xl itself
 * does, xl_parse.c), and that into a definition. Absent settings have libxl's default in both.
 */

/** A definition read from a file. */
export interface FromConfig {
  readonly definition: Definition;
  /** Settings that a definition cannot express, with their lines. */
  readonly warnings: readonly string[];
}

const KIB_PER_MIB = 1024;
const DEFAULT_MEMORY_MIB = 128;
const MAX_MEMORY_MIB = 64 * 1024 * 1024;
const MAX_VCPUS = 4096;
const TSC_MODES = ['default', 'always_emulate', 'native', 'native_paravirt'] as const;

/** Context of the reading. */
export interface FromConfigContext {
  readonly format: NativeFormat;
  /** Generates a UUID for a file without one. */
  readonly makeUuid: () => string;
}

/** Reads a file for xl or xm. @throws UsageError `E_USAGE_XL_CONFIG` with line and column */
export function fromXlConfig(source: string | Uint8Array, context: FromConfigContext): FromConfig {
  const settings = new Settings(parseCfg(source));
  const type = guestType(settings);
  refuseKeys(settings, type);
  const cpuid = cpuidOf(settings);
  const plain: JsonObject = {
    c_info: createInfo(settings, type, context),
    b_info: given({ ...buildInfo(settings, type, context.format), cpuid: cpuid.leaves }),
    ...deviceLists(settings, type, context.format),
    ...actions(settings, context.format),
  };
  const config = withCarried(settings, type, context.format, plain);
  const genid = type === 'hvm' ? settings.choice('ms_vm_genid', ['generate', 'none']) : undefined;
  const description = context.format === 'xen-xm' ? settings.plain('description') : undefined;
  try {
    const { definition, warnings } = fromLibxlConfig(config);
    const complete = { ...definition, description, genid: genid === 'generate' ? '' : definition.genid };
    return {
      definition: withCpuid(complete, cpuid.features),
      warnings: [...settings.warnings, ...warnings, ...unsaid(settings, type, context.format)],
    };
  } catch (error) {
    // A value of the file would be refused by libxl; the field identifies it.
    if (!(error instanceof ProtocolError)) throw error;
    throw badConfig({ line: 1, column: 1 }, error.message);
  }
}

/** Keys that a definition cannot express, or that were not read, each with its line. */
function unsaid(settings: Settings, type: GuestType, format: NativeFormat): string[] {
  return settings.keys().flatMap(([key, { line }]) => {
    const unasked = settings.isAsked(key) ? undefined : `${key} is not carried over`;
    const why = notCarried(key, type, format) ?? unasked;
    return why === undefined ? [] : [`line ${line}: ${why}`];
  });
}

/** Refuses what xl refuses as well, and what makes a definition impossible. */
function refuseKeys(settings: Settings, type: GuestType): void {
  if (type === 'pv' && settings.has('timer_mode')) {
    throw badConfig(settings.place('timer_mode'), 'timer_mode: a PV guest has none, as in xl');
  }
  if (type !== 'hvm' && settings.has('firmware')) {
    throw badConfig(
      settings.place('firmware'),
      "firmware: it stands for a kernel in Xen's own folder on the host, and a definition names its path",
      'Write kernel = "/usr/lib/xen/boot/pvgrub64.bin", or where the kernel of that name is on your hosts.',
    );
  }
}

/** Settings of the metadata whose values other parts have added already. */
const PUT_ELSEWHERE: ReadonlySet<string> = new Set([
  'acpi',
  'bios',
  'pae',
  'nographic',
  'usb',
  'spicevdagent',
  'spicedisable_ticketing',
]);

/** The configuration with settings that domain XML lacks, which go into the definition's metadata. */
function withCarried(settings: Settings, type: GuestType, format: NativeFormat, config: JsonObject): JsonObject {
  let made = config;
  for (const setting of CARRIED_SETTINGS) {
    const key = setting.key === 'cap' && format === 'xen-xm' && settings.has('cpu_cap') ? 'cpu_cap' : setting.key;
    if (!settings.has(key) || !setting.guests.includes(type) || PUT_ELSEWHERE.has(key)) continue;
    const value = key === 'cpus_soft' ? softOf(settings, config) : settings.value(key);
    // A single word is a feature of the definition.
    if (value === undefined || (key === 'viridian' && typeof value === 'string')) continue;
    const more = withSetting(made, setting, value);
    if (more === undefined) {
      throw badConfig(settings.place(key), `${key}: ${JSON.stringify(value)} is not ${setting.codec.says}`);
    }
    made = more;
  }
  return made;
}

/** One text applies to every vcpu; entries that name NUMA nodes are left out. */
function softOf(settings: Settings, config: JsonObject): readonly string[] | undefined {
  const { isList, all } = settings.textOrList('cpus_soft');
  const vcpus = Number(recordOf(config.b_info).max_vcpus);
  const sets = all.slice(0, vcpus).map((one) => (cpuSet(one, settings, 'cpus_soft').isEmpty ? 'all' : one.text));
  if (sets.every((text) => text === 'all')) return undefined;
  return isList ? sets : Array.from({ length: vcpus }, () => sets[0]);
}

function guestType(settings: Settings): GuestType {
  const type = settings.choice('type', ['pv', 'pvh', 'hvm']);
  const builder = settings.choice('builder', ['hvm', 'linux', 'generic']);
  if (type !== undefined && builder !== undefined && (builder === 'hvm' ? 'hvm' : 'pv') !== type) {
    throw badConfig(settings.place('builder'), `builder: ${builder} is not of type ${type}`);
  }
  return type ?? (builder === 'hvm' ? 'hvm' : 'pv');
}

function createInfo(settings: Settings, type: GuestType, context: FromConfigContext): JsonObject {
  const name = settings.plain('name');
  if (name === undefined) throw badConfig(settings.place('name'), 'the name of the domain is missing: name = "…"');
  const uuid = settings.text('uuid');
  if (uuid !== undefined && !/^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i.test(uuid.text)) {
    throw badConfig(uuid.at, `${JSON.stringify(uuid.text)} is not a UUID`);
  }
  const hex = uuid?.text.replaceAll('-', '').toLowerCase();
  const hap = settings.flag('hap');
  return given({
    type,
    name,
    uuid:
      hex === undefined
        ? context.makeUuid()
        : [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-'),
    hap: type === 'pv' ? undefined : defbool(hap),
    passthrough: settings.choice('passthrough', ['default', 'disabled', 'enabled', 'sync_pt', 'share_pt']),
  });
}

function actions(settings: Settings, format: NativeFormat): JsonObject {
  const plain = ['destroy', 'restart', 'rename-restart', 'preserve'] as const;
  const known = [...plain, 'coredump-destroy', 'coredump-restart', 'soft-reset'] as const;
  const action = (name: string, otherwise: string): string => {
    const word = settings.choice(name, known) ?? otherwise;
    return actionJson(word);
  };
  return {
    on_poweroff: action('on_poweroff', 'destroy'),
    on_reboot: action('on_reboot', 'restart'),
    // xl's default; xm restarted a crashed domain.
    on_crash: action('on_crash', format === 'xen-xm' ? 'restart' : 'destroy'),
  };
}

/** Processors on which one vcpu may run; an empty set means all. */
function cpuSet({ text, at }: Placed, settings: Settings, key: 'cpus' | 'cpus_soft'): CpuSet {
  const list = parseCpuList(text);
  switch (list?.kind) {
    case 'cpus':
      return list.cpus;
    case 'all':
      return CpuSet.NONE;
    case 'nodes':
      settings.warn(
        at,
        `${key}: ${JSON.stringify(text)} is not carried over: it names the host's NUMA nodes, and a definition names processors. ` +
          'Write the numbers of the processors in its place; `xl info -n` on the host shows which belong to a node',
      );
      return CpuSet.NONE;
    case undefined:
      throw badConfig(at, `${key}: ${JSON.stringify(text)} is not a list of processors such as 0-3,^2 or all,^0`);
  }
}

/** One text for all vcpus, or a list with one for each; a bare number in a list is one processor. */
function affinity(settings: Settings, vcpus: number): Json[] | undefined {
  const { isList, all } = settings.textOrList('cpus');
  if (all.length === 0) return undefined;
  // xl ignores values for vcpus that do not exist.
  const sets = all.slice(0, vcpus).map((one) => cpuSet(one, settings, 'cpus'));
  if (isList) return sets;
  return sets[0].isEmpty ? undefined : Array.from({ length: vcpus }, () => sets[0]);
}

function mib(settings: Settings, name: string): number | undefined {
  return settings.number(name, 1, MAX_MEMORY_MIB);
}

function tscMode(settings: Settings): string | undefined {
  const mode = settings.text('tsc_mode');
  if (mode === undefined) return undefined;
  if (/^\d+$/.test(mode.text)) return TSC_MODES[numberOf(mode, 'tsc_mode', 0, TSC_MODES.length - 1)];
  return settings.choice('tsc_mode', TSC_MODES);
}

/** `cmdline`, or `root` and `extra` of older files, which a `cmdline` overrides. */
function commandLine(settings: Settings): string | undefined {
  const [cmdline, root, extra] = [settings.plain('cmdline'), settings.plain('root'), settings.plain('extra')];
  if (cmdline !== undefined) return cmdline;
  const words = [...(root === undefined ? [] : [`root=${root}`]), ...(extra === undefined ? [] : [extra])];
  return words.length === 0 ? undefined : words.join(' ');
}

/** Old files name the firmware of HVM guests as the kernel; libxl has its own path for it. */
function kernelOf(settings: Settings, type: GuestType): string | undefined {
  const kernel = settings.plain('kernel');
  return type === 'hvm' && kernel !== undefined && /(?:^|\/)hvmloader$/.test(kernel) ? undefined : kernel;
}

function words(settings: Settings, name: string): string[] | undefined {
  const { isList, all } = settings.textOrList(name);
  const list = isList ? all.map(({ text }) => text) : all.flatMap(({ text }) => text.split(/\s+/).filter(Boolean));
  return list.length === 0 ? undefined : list;
}

/** Arguments for all guests, and those for guests of the type: libxl concatenates them. */
function deviceModelArgs(settings: Settings, type: GuestType): string[] | undefined {
  const own = type === 'pvh' ? undefined : words(settings, `device_model_args_${type}`);
  const all = [...(words(settings, 'device_model_args') ?? []), ...(own ?? [])];
  return all.length === 0 ? undefined : all;
}

function typeInfo(settings: Settings, type: GuestType): JsonObject {
  switch (type) {
    case 'hvm':
      return { 'type.hvm': hvmFrom(settings) };
    case 'pv': {
      // xl sets this for a guest with PCI devices.
      const own = settings.flag('e820_host');
      return { 'type.pv': given({ e820_host: settings.list('pci').length > 0 ? 'True' : defbool(own) }) };
    }
    case 'pvh':
      return { 'type.pvh': {} };
  }
}

interface VcpuNumbers {
  readonly vcpus: number | undefined;
  readonly maxVcpus: number;
}

/** With virtual nodes, the vcpus are those of the nodes, as in xl. */
function vcpusOf(settings: Settings, vnuma: Vnuma | undefined): VcpuNumbers {
  const vcpus = settings.number('vcpus', 1, MAX_VCPUS);
  const given = settings.number('maxvcpus', 1, MAX_VCPUS);
  if (vnuma !== undefined && given !== undefined && given !== vnuma.vcpus) {
    throw badConfig(settings.place('maxvcpus'), `maxvcpus: ${given}, but the nodes of vnuma have ${vnuma.vcpus} vcpus`);
  }
  const maxVcpus = given ?? vnuma?.vcpus ?? vcpus ?? 1;
  if (maxVcpus > MAX_VCPUS) throw badConfig(settings.place('vnuma'), `vnuma: there are more than ${MAX_VCPUS} vcpus`);
  if ((vcpus ?? 1) > maxVcpus) {
    const place = settings.place(given === undefined ? 'vcpus' : 'maxvcpus');
    throw badConfig(place, `maxvcpus: ${maxVcpus} is less than vcpus`);
  }
  return { vcpus, maxVcpus };
}

function memoryOf(settings: Settings, vnuma: Vnuma | undefined): { memoryKiB: number; maxMemoryKiB: number } {
  const given = mib(settings, 'maxmem');
  const max = given === undefined ? vnuma?.memoryKiB : given * KIB_PER_MIB;
  if (vnuma !== undefined && max !== vnuma.memoryKiB) {
    const mibs = vnuma.memoryKiB / KIB_PER_MIB;
    throw badConfig(settings.place('maxmem'), `maxmem: ${given ?? 0}, but the nodes of vnuma have ${mibs} MiB`);
  }
  const memory = mib(settings, 'memory');
  const memoryKiB = memory === undefined ? (max ?? DEFAULT_MEMORY_MIB * KIB_PER_MIB) : memory * KIB_PER_MIB;
  if (max !== undefined && max < memoryKiB) {
    throw badConfig(settings.place('maxmem'), `maxmem: ${max / KIB_PER_MIB} is less than memory`);
  }
  return { memoryKiB, maxMemoryKiB: max ?? memoryKiB };
}

function buildInfo(settings: Settings, type: GuestType, format: NativeFormat): JsonObject {
  const vnuma = parseVnuma(settings);
  const { vcpus, maxVcpus } = vcpusOf(settings, vnuma);
  const { memoryKiB, maxMemoryKiB } = memoryOf(settings, vnuma);
  const offset = settings.number('rtc_timeoffset', -(2 ** 31), 2 ** 31 - 1);
  const weight = settings.number('cpu_weight', 1, 65_535);
  const videoRam = settings.number('videoram', 0, 16_384);
  // In xm `extra` was for the command line only.
  const args = format === 'xen-xl' ? deviceModelArgs(settings, type) : undefined;
  return given({
    max_vcpus: maxVcpus,
    avail_vcpus: Array.from({ length: vcpus ?? maxVcpus }, (_, vcpu) => vcpu),
    vcpu_hard_affinity: affinity(settings, maxVcpus),
    tsc_mode: tscMode(settings),
    max_memkb: maxMemoryKiB,
    target_memkb: memoryKiB,
    video_memkb: videoRam === undefined || type !== 'hvm' ? undefined : videoRam * KIB_PER_MIB,
    rtc_timeoffset: offset === undefined ? undefined : offset >>> 0,
    localtime: defbool(settings.flag('localtime')),
    vnuma_nodes: vnuma?.nodes,
    max_grant_frames: settings.number('max_grant_frames', 0, 2 ** 31 - 1),
    event_channels: settings.number('max_event_channels', 0, 2 ** 31 - 1),
    device_model: settings.plain('device_model_override'),
    extra: args,
    sched_params: weight === undefined ? undefined : { weight },
    kernel: kernelOf(settings, type),
    ramdisk: settings.plain('ramdisk'),
    cmdline: commandLine(settings),
    bootloader: settings.plain('bootloader'),
    bootloader_args: words(settings, format === 'xen-xm' && settings.has('bootargs') ? 'bootargs' : 'bootloader_args'),
    acpi: defbool(settings.flag('acpi')),
    apic: defbool(settings.flag('apic')),
    nested_hvm: defbool(settings.flag('nestedhvm')),
    ...typeInfo(settings, type),
  });
}

const warnAt =
  (settings: Settings, { at }: Placed) =>
  (text: string): void => {
    settings.warn(at, text);
  };

/** `vnc=1` outside of `vfb` in a file for a PV guest means a framebuffer as well. */
function framebuffers(settings: Settings, type: GuestType): Json[] {
  if (type === 'hvm') return [];
  const listed = settings.list('vfb').map((spec, devid) => parseVfbText(spec, devid, warnAt(settings, spec)));
  if (type === 'pvh' || listed.length > 0 || settings.flag('vnc') !== true) return listed;
  return [given({ devid: 0, vnc: vncFrom(settings), sdl: { enable: 'False' }, keymap: settings.plain('keymap') })];
}

function deviceLists(settings: Settings, type: GuestType, format: NativeFormat): JsonObject {
  const general = Object.fromEntries(
    ['permissive', 'seize', 'msitranslate', 'power_mgmt'].flatMap((name) => {
      const is = settings.flag(`pci_${name}`);
      return is === undefined ? [] : [[name, is]];
    }),
  );
  return {
    disks: settings.list('disk').map((spec) => parseDiskText(spec, format, warnAt(settings, spec))),
    nics: settings.list('vif').map((spec, devid) => parseVifText(spec, devid, type, warnAt(settings, spec))),
    pcidevs: settings.list('pci').map((spec) => ({ ...general, ...parsePciText(spec) })),
    vfbs: framebuffers(settings, type),
    channels: settings.list('channel').map((spec, devid) => parseChannelText(spec, devid, warnAt(settings, spec))),
    usbctrls: settings.list('usbctrl').map(parseUsbControllerText),
    usbdevs: settings.list('usbdev').map(parseUsbDeviceText),
  };
}
