import { z } from '../../errors/zod.js';
import { CpuSet, MAX_CPUS } from '../cpu-set.js';

/*
 * libxl_domain_config as JSON, as far as domain XML can express it: names, types and defaults from
 * libxl_types.idl (Xen 4.14 to 4.21). Additions of later versions are ignored here; what a version lacks is not
 * written. libxl omits defaults when it writes, so that everything is optional.
 */

/** Longest list; libxl has no bound of its own. */
const MAX_LIST = 1024;
const MAX_TEXT = 64 * 1024;

export const text = z
  .string()
  .max(MAX_TEXT)
  .nullish()
  .transform((value) => (value === null || value === '' ? undefined : value));
/** An enumeration: libxl writes lower case and reads any. */
const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.preprocess((value) => (typeof value === 'string' ? value.toLowerCase() : value), z.enum(values));
/** libxl's defbool; undefined is its default. */
export const defbool = z
  .enum(['True', 'False', '<default>'])
  .optional()
  .transform((value) => (value === undefined || value === '<default>' ? undefined : value === 'True'));
const u32 = z.int().min(0).max(0xffff_ffff);
const kib = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_LIST).default([]);
/**
 * Indexes of the bits that are set. A CpuSet is left unchanged: a configuration may contain the same one thousands of
 * times.
 */
const bitmap = z.union([
  z.custom<CpuSet>((value) => value instanceof CpuSet),
  z
    .array(z.int().min(0).max(MAX_CPUS))
    .max(MAX_CPUS)
    .transform((cpus) => CpuSet.of(cpus)),
]);

const vnc = z.looseObject({
  enable: defbool,
  listen: text,
  passwd: text,
  display: z.int().min(0).max(59_635).default(0),
  findunused: defbool,
});
const sdl = z.looseObject({ enable: defbool, opengl: defbool, display: text, xauthority: text });
const spice = z.looseObject({
  enable: defbool,
  port: z.int().min(0).max(65_535).default(0),
  tls_port: z.int().min(0).max(65_535).default(0),
  host: text,
  disable_ticketing: defbool,
  passwd: text,
  agent_mouse: defbool,
  vdagent: defbool,
  clipboard_sharing: defbool,
});

export const ACTIONS = [
  'destroy',
  'restart',
  'restart_rename',
  'preserve',
  'coredump_destroy',
  'coredump_restart',
  'soft_reset',
] as const;
/** An absent `on_…` is the first of the enumeration. */
const action = choice(ACTIONS).default('destroy');

const hvm = z.looseObject({
  bios: choice(['unknown', 'rombios', 'seabios', 'ovmf']).optional(),
  pae: defbool,
  apic: defbool,
  acpi: defbool,
  viridian: defbool,
  hpet: defbool,
  nested_hvm: defbool,
  system_firmware: text,
  acpi_firmware: text,
  nographic: defbool,
  vga: z.looseObject({ kind: choice(['unknown', 'cirrus', 'std', 'none', 'qxl']).optional() }).optional(),
  vnc: vnc.optional(),
  keymap: text,
  sdl: sdl.optional(),
  spice: spice.optional(),
  serial: text,
  serial_list: list(text),
  boot: text,
  usbdevice: text,
  usbdevice_list: list(text),
  soundhw: text,
  ms_vm_genid: z.array(z.int().min(0).max(255)).length(16).optional(),
});

/**
 * `libxl_cpuid_policy_list`: a list of leaves, or since Xen 4.18 an object that also contains bits of model-specific
 * registers.
 */
const register = z
  .string()
  .regex(/^[01xks]{32}$/)
  .optional();
const leaves = list(
  z.looseObject({
    leaf: u32,
    subleaf: u32.optional(),
    eax: register,
    ebx: register,
    ecx: register,
    edx: register,
  }),
);
const cpuid = z.union([leaves, z.looseObject({ cpuid: leaves, msr: list(z.unknown()) })]);

export const configSchema = z.looseObject({
  c_info: z.looseObject({
    type: choice(['hvm', 'pv', 'pvh']),
    name: z.string().min(1).max(MAX_TEXT),
    uuid: z.guid(),
    hap: defbool,
    passthrough: choice(['default', 'disabled', 'enabled', 'sync_pt', 'share_pt']).optional(),
  }),
  b_info: z.looseObject({
    max_vcpus: z.int().min(1).max(MAX_CPUS).default(1),
    avail_vcpus: bitmap.optional(),
    vcpu_hard_affinity: z.array(bitmap).max(MAX_CPUS).default([]),
    tsc_mode: choice(['default', 'always_emulate', 'native', 'native_paravirt']).default('default'),
    max_memkb: kib.min(1),
    target_memkb: kib.optional(),
    video_memkb: kib.optional(),
    rtc_timeoffset: u32.default(0),
    localtime: defbool,
    vnuma_nodes: list(
      z.looseObject({
        memkb: kib.min(1),
        distances: z.array(z.int().min(0).max(255)).max(MAX_LIST).default([]),
        pnode: u32.default(0),
        vcpus: bitmap.default(CpuSet.NONE),
      }),
    ),
    max_grant_frames: u32.optional(),
    event_channels: u32.optional(),
    device_model: text,
    extra: list(z.string().max(MAX_TEXT)),
    extra_pv: list(z.string().max(MAX_TEXT)),
    extra_hvm: list(z.string().max(MAX_TEXT)),
    sched_params: z.looseObject({ weight: z.int().optional() }).optional(),
    kernel: text,
    ramdisk: text,
    cmdline: text,
    bootloader: text,
    bootloader_args: list(z.string().max(MAX_TEXT)),
    acpi: defbool,
    apic: defbool,
    nested_hvm: defbool,
    cpuid,
    'type.hvm': hvm.optional(),
    'type.pv': z.looseObject({ e820_host: defbool }).optional(),
    'type.pvh': z.looseObject({}).optional(),
  }),
  disks: list(
    z.looseObject({
      backend_domname: text,
      pdev_path: text,
      vdev: z.string().min(1).max(64),
      backend: choice(['unknown', 'phy', 'tap', 'qdisk', 'standalone']).default('unknown'),
      format: choice(['unknown', 'qcow', 'qcow2', 'vhd', 'raw', 'empty', 'qed']).default('unknown'),
      readwrite: z.int().default(0),
      is_cdrom: z.int().default(0),
      discard_enable: defbool,
      script: text,
      trusted: defbool,
      direct_io_safe: z.boolean().default(false),
      specification: choice(['unknown', 'xen', 'virtio']).optional(),
      grant_usage: defbool,
    }),
  ),
  nics: list(
    z.looseObject({
      backend_domname: text,
      devid: z.int().min(-1).max(65_535).default(-1),
      mtu: z.int().min(0).max(65_535).default(0),
      model: text,
      mac: z
        .string()
        .regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i)
        .optional(),
      ip: text,
      bridge: text,
      ifname: text,
      script: text,
      nictype: choice(['unknown', 'vif_ioemu', 'vif']).default('unknown'),
      rate_bytes_per_interval: z.int().min(0).default(0),
      rate_interval_usecs: u32.default(0),
      gatewaydev: text,
      vlan: text,
      trusted: defbool,
    }),
  ),
  pcidevs: list(
    z.looseObject({
      domain: z.int().min(0).max(0xffff).default(0),
      bus: z.int().min(0).max(0xff).default(0),
      dev: z.int().min(0).max(0x1f).default(0),
      func: z.int().min(0).max(7).default(0),
      permissive: z.boolean().default(false),
      seize: z.boolean().default(false),
      msitranslate: z.boolean().default(false),
      power_mgmt: z.boolean().default(false),
      rdm_policy: choice(['invalid', 'strict', 'relaxed']).optional(),
      vdevfn: u32.default(0),
      vfunc_mask: u32.optional(),
    }),
  ),
  vfbs: list(
    z.looseObject({
      backend_domname: text,
      vnc: vnc.optional(),
      sdl: sdl.optional(),
      keymap: text,
    }),
  ),
  channels: list(
    z.looseObject({
      backend_domname: text,
      name: text,
      'connection.pty': z.looseObject({}).optional(),
      'connection.socket': z.looseObject({ path: text }).optional(),
    }),
  ),
  usbctrls: list(
    z.looseObject({
      type: choice(['auto', 'pv', 'devicemodel', 'qusb']).default('auto'),
      devid: z.int().min(-1).max(65_535).default(-1),
      version: z.int().min(0).max(3).default(0),
      ports: z.int().min(0).max(65_535).default(0),
    }),
  ),
  usbdevs: list(
    z.looseObject({
      ctrl: z.int().min(-1).max(255).default(-1),
      port: z.int().min(0).max(255).default(0),
      'type.hostdev': z
        .looseObject({ hostbus: z.int().min(0).max(255).default(0), hostaddr: z.int().min(0).max(255).default(0) })
        .optional(),
    }),
  ),
  on_poweroff: action,
  on_reboot: action,
  on_crash: action,
});

/** A parsed configuration. */
export type ReadConfig = z.output<typeof configSchema>;
export type ReadHvm = NonNullable<ReadConfig['b_info']['type.hvm']>;
export type ReadOf<K extends 'disks' | 'nics' | 'pcidevs' | 'vfbs' | 'channels' | 'usbctrls' | 'usbdevs'> =
  ReadConfig[K][number];
export type ReadVnc = z.output<typeof vnc>;
