import { formatCpuSet } from '../cpu-set.js';
import type { Definition } from '../definition/model.js';
import { actionWord } from '../libxl-json/action-field.js';
import { settingsFromJson, TIMER_MODES } from '../libxl-json/carried-settings.js';
import { configSchema, type ReadConfig, type ReadHvm, type ReadOf } from '../libxl-json/schema.js';
import { toLibxlConfig } from '../libxl-json/to-libxl.js';
import { notMapped } from '../native/not-mapped.js';
import { splitCpuid } from './cpuid.js';
import { formatCpuList } from '../native/cpu-list.js';
import { formatXlDisk, formatXmDisk } from './disk-text.js';
import type { NativeFormat } from './formats.js';
import { formatPciText } from './pci-text.js';
import { formatCfg, type CfgOut } from './syntax.js';
import { formatVifText } from './vif-text.js';

const KIB_PER_MIB = 1024;

type Fields = Readonly<Record<string, CfgOut | undefined>>;

const flag = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : value ? 1 : 0);
const mib = (kib: number): number => Math.ceil(kib / KIB_PER_MIB);
const some = (list: readonly CfgOut[]): CfgOut | undefined => (list.length === 0 ? undefined : list);

/** `key=value,key=value`; a comma in a value would end it. */
function pairs(fields: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(fields)
    .flatMap(([key, value]) => {
      if (value === undefined) return [];
      if (String(value).includes(',')) throw notMapped(`the comma in ${key}=${value}`, 'Choose a value without one.');
      return [`${key}=${value}`];
    })
    .join(',');
}

function cpus({ max_vcpus: vcpus, vcpu_hard_affinity: sets }: ReadConfig['b_info']): CfgOut | undefined {
  if (sets.length === 0) return undefined;
  const texts = sets.map((set) => formatCpuList(set));
  return texts.length === vcpus && new Set(texts).size === 1 ? texts[0] : texts;
}

function general({ c_info: made, b_info: built }: ReadConfig, dialect: NativeFormat): Fields {
  const seconds = built.rtc_timeoffset | 0;
  const isXl = dialect === 'xen-xl';
  const max = mib(built.max_memkb);
  return {
    name: made.name,
    uuid: made.uuid,
    type: isXl ? made.type : undefined,
    builder: isXl ? undefined : made.type === 'hvm' ? 'hvm' : 'linux',
    memory: mib(built.target_memkb ?? built.max_memkb),
    maxmem: max,
    vcpus: built.avail_vcpus?.size ?? built.max_vcpus,
    maxvcpus: built.max_vcpus,
    cpus: cpus(built),
    cpu_weight: built.sched_params?.weight,
    hap: flag(made.hap),
    passthrough: made.passthrough,
    tsc_mode: built.tsc_mode === 'default' ? undefined : built.tsc_mode,
    rtc_timeoffset: seconds === 0 ? undefined : seconds,
    localtime: flag(built.localtime),
    kernel: built.kernel,
    ramdisk: built.ramdisk,
    [isXl ? 'cmdline' : 'extra']: built.cmdline,
    bootloader: built.bootloader,
    bootloader_args: some(built.bootloader_args),
    acpi: flag(built.acpi),
    apic: flag(built.apic),
    nestedhvm: flag(built.nested_hvm),
    max_grant_frames: built.max_grant_frames,
    max_event_channels: built.event_channels,
    device_model_override: built.device_model,
    device_model_args: some(built.extra),
    vnuma: some(built.vnuma_nodes.map(numaNode)),
  };
}

function numaNode(node: ReadConfig['b_info']['vnuma_nodes'][number]): CfgOut {
  return [
    `pnode=${node.pnode}`,
    `size=${mib(node.memkb)}`,
    `vcpus=${formatCpuSet(node.vcpus)}`,
    ...(node.distances.length === 0 ? [] : [`vdistances=${node.distances.join(',')}`]),
  ];
}

const VGA_WORDS = { std: 'stdvga', cirrus: 'cirrus', qxl: 'qxl', none: 'none', unknown: undefined } as const;

function hvm(built: ReadConfig['b_info'], info: ReadHvm): Fields {
  const { vnc, sdl, spice } = info;
  const serials = info.serial === undefined ? info.serial_list : [info.serial];
  const texts = serials.filter((text) => text !== undefined);
  const usb = info.usbdevice_list.filter((text) => text !== undefined);
  if (info.ms_vm_genid !== undefined) {
    throw notMapped('<genid>', 'Leave it out; in a file ms_vm_genid="generate" makes a new one at each start.');
  }
  return {
    bios: info.bios,
    bios_path_override: info.system_firmware,
    pae: flag(info.pae),
    hpet: flag(info.hpet),
    viridian: flag(info.viridian),
    acpi_firmware: info.acpi_firmware,
    boot: info.boot,
    nographic: flag(info.nographic),
    vga: VGA_WORDS[info.vga?.kind ?? 'unknown'],
    videoram: built.video_memkb === undefined ? undefined : mib(built.video_memkb),
    vnc: flag(vnc?.enable),
    vnclisten: vnc?.listen,
    vncpasswd: vnc?.passwd,
    vncdisplay: vnc?.enable === true && vnc.findunused !== true ? vnc.display : undefined,
    vncunused: flag(vnc?.findunused),
    keymap: info.keymap,
    sdl: flag(sdl?.enable),
    display: sdl?.display,
    xauthority: sdl?.xauthority,
    spice: flag(spice?.enable),
    spiceport: spice === undefined || spice.port === 0 ? undefined : spice.port,
    spicetls_port: spice === undefined || spice.tls_port === 0 ? undefined : spice.tls_port,
    spicehost: spice?.host,
    spicepasswd: spice?.passwd,
    spicedisable_ticketing: flag(spice?.disable_ticketing),
    spiceagent_mouse: flag(spice?.agent_mouse),
    spicevdagent: flag(spice?.vdagent),
    spice_clipboard_sharing: flag(spice?.clipboard_sharing),
    serial: texts.length > 1 ? texts : texts.at(0),
    usb: usb.length > 0 ? 1 : undefined,
    usbdevice: usb.length > 1 ? usb : usb.at(0),
    soundhw: info.soundhw,
  };
}

function vfb({ vnc, sdl, keymap }: ReadOf<'vfbs'>): string {
  const isVnc = vnc?.enable === true;
  return pairs({
    vnc: isVnc ? 1 : 0,
    vnclisten: vnc?.listen,
    vncpasswd: vnc?.passwd,
    vncdisplay: isVnc && vnc.findunused !== true ? vnc.display : undefined,
    vncunused: flag(vnc?.findunused),
    sdl: flag(sdl?.enable),
    display: sdl?.display,
    xauthority: sdl?.xauthority,
    keymap,
  });
}

function channel(one: ReadOf<'channels'>): string {
  const socket = one['connection.socket'];
  return pairs({
    connection: socket === undefined ? 'pty' : 'socket',
    path: socket?.path,
    name: one.name,
    backend: one.backend_domname,
  });
}

function devices(config: ReadConfig, dialect: NativeFormat): Fields {
  const { type } = config.c_info;
  const isXl = dialect === 'xen-xl';
  return {
    disk: some(config.disks.map(isXl ? formatXlDisk : formatXmDisk)),
    vif: some(config.nics.map((nic, devid) => formatVifText(nic, devid, type, isXl ? 'xl' : 'xm'))),
    vfb: some(config.vfbs.map(vfb)),
    pci: some(config.pcidevs.map(formatPciText)),
    usbctrl: some(
      config.usbctrls.map(({ type: kind, version, ports }) =>
        pairs({ type: kind, version: version || undefined, ports: ports || undefined }),
      ),
    ),
    usbdev: some(
      config.usbdevs.map((one) =>
        pairs({
          type: 'hostdev',
          hostbus: one['type.hostdev']?.hostbus,
          hostaddr: one['type.hostdev']?.hostaddr,
          controller: one.ctrl < 0 ? undefined : one.ctrl,
          port: one.port || undefined,
        }),
      ),
    ),
    channel: some(config.channels.map(channel)),
  };
}

/** Settings of the metadata, which override the same keys above. */
function carried(config: ReadConfig, guest: Definition['type']): Fields {
  return Object.fromEntries(
    [...settingsFromJson(config, guest)].map(([key, value]) => [key, typeof value === 'string' ? value : [...value]]),
  );
}

/** Settings that only xl has: a file for xm without them would lose part of the definition. */
const XL_ONLY = [
  'passthrough',
  'bios',
  'bios_path_override',
  'acpi_firmware',
  'nestedhvm',
  'vnuma',
  'max_grant_frames',
  'max_event_channels',
  'device_model_args',
  'usbctrl',
  'usbdev',
  'channel',
  'spice',
] as const;

/** Settings of the metadata that xm supports as well. */
const XM_KEYS: ReadonlySet<string> = new Set([
  'pool',
  'oos',
  'nomigrate',
  'shadow_memory',
  'timer_mode',
  'cap',
  'pae',
  'vpt_align',
  'viridian',
  'usb',
  'nographic',
  'opengl',
  'xen_platform_pci',
]);

/** @param settings keys in the metadata */
function checkXm(fields: Fields, type: Definition['type'], settings: readonly string[]): void {
  if (type === 'pvh') throw notMapped("a PVH guest in xm's syntax", 'Use the format xen-xl.');
  const own = settings.filter((key) => !XM_KEYS.has(key));
  const found = [...XL_ONLY.filter((name) => fields[name] !== undefined), ...own].at(0);
  if (found !== undefined) throw notMapped(`${found} in xm's syntax`, 'Use the format xen-xl.');
  for (const name of ['serial', 'usbdevice', 'viridian'] as const) {
    if (typeof fields[name] === 'object') throw notMapped(`more than one ${name} in xm's syntax`, 'Use xen-xl.');
  }
}

/**
 * A file from which xl (or xm) creates the domain. Defaults must have been set (`applyDefaults`).
 * @throws RefusedError `E_REFUSED_NOT_MAPPED` for a setting that the format cannot express
 */
export function toXlConfig(definition: Definition, dialect: NativeFormat): string {
  const { cpuid, rest } = splitCpuid(definition);
  const config = configSchema.parse(toLibxlConfig(rest));
  const info = config.b_info['type.hvm'];
  const settings = carried(config, definition.type);
  const fields: Fields = {
    ...general(config, dialect),
    cpuid,
    e820_host: flag(config.b_info['type.pv']?.e820_host),
    ...(info === undefined ? {} : hvm(config.b_info, info)),
    ...devices(config, dialect),
    on_poweroff: actionWord(config.on_poweroff),
    on_reboot: actionWord(config.on_reboot),
    on_crash: actionWord(config.on_crash),
    ...settings,
  };
  const { cap, timer_mode: timerMode, ...others } = fields;
  const said = dialect === 'xen-xm' ? { ...others, cpu_cap: cap, timer_mode: timerNumber(timerMode) } : fields;
  if (dialect === 'xen-xm') checkXm(said, definition.type, Object.keys(settings));
  return formatCfg(
    new Map(Object.entries(said).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  );
}

/** xm uses numbers for the timer modes. */
function timerNumber(mode: CfgOut | undefined): number | undefined {
  const at = TIMER_MODES.findIndex((name) => name === mode);
  return at < 0 ? undefined : at;
}
