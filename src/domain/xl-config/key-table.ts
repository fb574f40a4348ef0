import { CARRIED_SETTINGS } from '../libxl-json/carried-settings.js';
import type { GuestType } from '../model.js';
import type { NativeFormat } from './formats.js';
import type { CfgOut } from './syntax.js';

/*
 * Every key of xl.cfg(5), of xl_parse.c in Xen 4.17 to 4.22, and of xm's create.py (4.1), with its treatment for each
 * type of guest. A test checks each row against the converter; docs/reference/xl-config.md is generated from it.
 */

/** carried: the definition expresses it; warned: named in a warning and left out; refused: the file is refused. */
export type Fate = 'carried' | 'warned' | 'refused';

/** One row of the table. */
export interface KeyRow {
  readonly key: string;
  readonly fate: Readonly<Record<GuestType, Fate>>;
  /** Where the definition has it, or why it does not. */
  readonly how: string;
  /** The remedy for a key that is not carried. */
  readonly remedy?: string;
  /** A value that differs from xl's default. */
  readonly example: CfgOut;
  /** The value for guests that need another one. */
  readonly exampleFor?: Readonly<Partial<Record<GuestType, CfgOut>>>;
  /** Other settings that its value needs in order to have an effect. */
  readonly needs?: Readonly<Record<string, CfgOut>>;
  /** The only format that knows it; the other ignores it. */
  readonly only?: NativeFormat;
}

const KINDS = ['pv', 'pvh', 'hvm'] as const;
type Kinds = readonly GuestType[];
const ALL: Kinds = KINDS;
const HVM: Kinds = ['hvm'];
const PV: Kinds = ['pv'];
const PARAVIRTUAL: Kinds = ['pv', 'pvh'];
const VIRTUALIZED: Kinds = ['hvm', 'pvh'];

const fates = (kinds: Kinds, fate: Fate, other: Fate = 'warned'): KeyRow['fate'] => ({
  pv: kinds.includes('pv') ? fate : other,
  pvh: kinds.includes('pvh') ? fate : other,
  hvm: kinds.includes('hvm') ? fate : other,
});

type Carried = readonly [key: string, how: string, example: CfgOut, kinds?: Kinds, needs?: KeyRow['needs']];
type Warned = readonly [key: string, example: CfgOut];

const carried = (list: readonly Carried[], only?: NativeFormat): KeyRow[] =>
  list.map(([key, how, example, kinds = ALL, needs]) => ({
    key,
    fate: fates(kinds, 'carried'),
    how,
    example,
    ...(needs === undefined ? {} : { needs }),
    ...(only === undefined ? {} : { only }),
  }));

const warned = (how: string, remedy: string | undefined, list: readonly Warned[], only?: NativeFormat): KeyRow[] =>
  list.map(([key, example]) => ({
    key,
    fate: fates([], 'warned'),
    how,
    example,
    ...(remedy === undefined ? {} : { remedy }),
    ...(only === undefined ? {} : { only }),
  }));

const DEVICES = '<devices>';
const SCREEN = "<graphics type='vnc'>";
const SPICE = "<graphics type='spice'>";
const ON_SCREEN = { vnc: 1 };
const WITH_SPICE = { spice: 1, spiceport: 6000, spicedisable_ticketing: 1 };
const WITH_PCI = { pci: ['05:00.0'] };

/** Keys that domain XML can express. */
const IN_XML: readonly KeyRow[] = [
  ...carried([
    ['name', '<name>', 'other'],
    ['type', '<os><type>', 'hvm'],
    ['builder', '<os><type>', 'hvm'],
    ['uuid', '<uuid>', '1b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f'],
    ['memory', '<currentMemory>', 200],
    ['maxmem', '<memory>', 1024],
    ['vcpus', '<vcpu current=…>', 3],
    ['maxvcpus', '<vcpu>', 6],
    ['cpus', '<vcpu cpuset=…> and <vcpupin>; lists of NUMA nodes are named in a warning', '1-2'],
    ['cpu_weight', '<cputune><shares>', 512],
    ['vnuma', '<cpu><numa> and <numatune><memnode>', [['pnode=1', 'size=256', 'vcpus=0']]],
    ['kernel', '<os><kernel>; hvmloader there is ignored, as by xl', '/boot/other'],
    ['ramdisk', '<os><initrd>', '/boot/initrd'],
    ['cmdline', '<os><cmdline>', 'quiet'],
    ['root', '<os><cmdline>', '/dev/xvda1'],
    ['extra', '<os><cmdline>', 'quiet'],
    ['bootloader', '<bootloader>', '/usr/lib/xen/bin/pygrub', PV],
    ['bootloader_args', '<bootloader_args>', ['--entry=1'], PV, { bootloader: 'pygrub' }],
    ['hap', '<features><hap>', 0, VIRTUALIZED],
    ['passthrough', '<features><xen><passthrough>', 'disabled'],
    ['tsc_mode', "<clock><timer name='tsc'>", 'always_emulate'],
    ['rtc_timeoffset', "<clock offset='variable'>", 3600],
    ['localtime', "<clock offset='localtime'>", 1],
    ['max_grant_frames', "<controller type='xenbus'>", 64],
    ['max_event_channels', "<controller type='xenbus'>", 512],
    ['device_model_override', '<emulator>', '/usr/local/bin/qemu'],
    ['disk', `${DEVICES}: <disk>, with <xl:options> for what libvirt has no word for`, ['/dev/vg/a,raw,xvda,rw']],
    [
      'vif',
      `${DEVICES}: <interface>, with <xl:options> for what libvirt has no word for`,
      ['mac=00:16:3e:0a:0b:0c,bridge=b'],
    ],
    ['pci', `${DEVICES}: <hostdev>, with <xl:options> for what libvirt has no word for`, ['05:00.0']],
    ['pci_permissive', '<source writeFiltering=…> of each <hostdev>', 1, ALL, WITH_PCI],
    ['pci_seize', '<hostdev managed=…>', 1, ALL, WITH_PCI],
    ['pci_msitranslate', '<xl:options> of each <hostdev>', 1, ALL, WITH_PCI],
    ['pci_power_mgmt', '<xl:options> of each <hostdev>', 1, ALL, WITH_PCI],
    [
      'usbctrl',
      `${DEVICES}: <controller type='usb'>; those of the device model are named in a warning`,
      ['version=1,ports=4'],
    ],
    ['usbdev', `${DEVICES}: <hostdev type='usb'>`, ['hostbus=1,hostaddr=16']],
    ['channel', `${DEVICES}: <channel>`, ['connection=pty,name=org.a']],
    ['e820_host', '<features><xen><e820_host>', 1, PV],
    ['vfb', `${DEVICES}: <graphics>`, ['vnc=1,vnclisten=0.0.0.0'], PARAVIRTUAL],
    ['apic', '<features><apic>', 0, HVM],
    ['hpet', "<clock><timer name='hpet'>", 0, HVM],
    ['nestedhvm', "<cpu><feature name='vmx'>", 1, HVM],
    ['cpuid', '<cpu><feature>; bits and values without a name of libvirt are named in a warning', 'host,tm=0'],
    ['ms_vm_genid', '<genid>', 'generate', HVM],
    ['acpi_firmware', "<os><acpi><table type='slic'>", '/srv/slic.bin', HVM],
    ['firmware', '<os firmware=…>; a path is named in a warning', 'uefi', HVM],
    ['bios_path_override', '<os><loader>, with bios="ovmf"', '/srv/OVMF.fd', HVM, { bios: 'ovmf' }],
    ['boot', '<os><boot>', 'd', HVM],
    ['vga', '<video>', 'stdvga', HVM],
    ['stdvga', '<video>', 1, HVM],
    ['videoram', '<video><model vram=…>', 64, HVM],
    ['vnc', SCREEN, 0, HVM],
    ['vnclisten', SCREEN, '0.0.0.0', HVM, ON_SCREEN],
    ['vncpasswd', SCREEN, 'secret', HVM, ON_SCREEN],
    ['vncdisplay', SCREEN, 3, HVM, { ...ON_SCREEN, vncunused: 0 }],
    ['vncunused', SCREEN, 0, HVM, ON_SCREEN],
    ['keymap', SCREEN, 'de', HVM, ON_SCREEN],
    ['sdl', "<graphics type='sdl'>", 1, HVM],
    ['display', "<graphics type='sdl'>", ':3', HVM, { sdl: 1 }],
    ['xauthority', "<graphics type='sdl'>", '/root/.Xauthority', HVM, { sdl: 1 }],
    ['spice', SPICE, 1, HVM, { spiceport: 6000, spicedisable_ticketing: 1 }],
    ['spiceport', SPICE, 6001, HVM, { spice: 1, spicedisable_ticketing: 1, spicetls_port: 6002 }],
    ['spicetls_port', SPICE, 6001, HVM, WITH_SPICE],
    ['spicehost', SPICE, '127.0.0.1', HVM, WITH_SPICE],
    ['spicepasswd', SPICE, 'secret', HVM, { spice: 1, spiceport: 6000 }],
    ['spiceagent_mouse', SPICE, 0, HVM, WITH_SPICE],
    ['spice_clipboard_sharing', SPICE, 1, HVM, { ...WITH_SPICE, spicevdagent: 1 }],
    ['serial', '<serial>; what QEMU takes and libvirt does not is named in a warning', 'pty', HVM],
    ['usbdevice', "<input bus='usb'>; others are named in a warning", 'tablet', HVM, { usb: 1 }],
    ['soundhw', '<sound>; cards that libvirt has not are named in a warning', 'ac97', HVM],
  ]),
  ...carried(
    [
      ['device_model_args', '<xen:commandline>', ['-foo']],
      ['device_model_args_hvm', '<xen:commandline>', ['-foo'], HVM],
      ['device_model_args_pv', '<xen:commandline>', ['-foo'], PV],
    ],
    'xen-xl',
  ),
  ...carried(
    [
      ['bootargs', '<bootloader_args>', '--entry=1', PV, { bootloader: 'pygrub' }],
      ['cpu_cap', 'metadata, as cap', 50],
      ['description', '<description>', 'a guest'],
    ],
    'xen-xm',
  ),
];

const OF_HOST = 'it names a file, a user or a device of the host, which no other host has';
const BY_HAND = 'Set it in a file for xl, or on the host that the guest starts on.';
const NO_FORM = 'domain XML for Xen has no such device';
const ARM = 'it is for guests on Arm, which xenferry does not move';
const STUBDOM = 'device models in domains of their own are not supported';
const LABELS = 'security labels belong to the policy of one host';
const NEWER = 'it came with a later release than those that xenferry is tested with';
const GONE = 'it was taken out of Xen, and today’s xl passes it over';
const NOT_XL = 'it was read by xm, and xl passes it over';

const NOT_CARRIED: readonly KeyRow[] = [
  ...warned(OF_HOST, BY_HAND, [
    ['firmware_override', '/srv/hvmloader'],
    ['smbios_firmware', '/srv/smbios.bin'],
    ['bootloader_user', 'nobody'],
    ['device_model_user', 'qemu'],
    ['pvshim_path', '/srv/xen-shim'],
    ['ioports', ['2f8-2ff']],
    ['irqs', ['5']],
    ['iomem', ['f0000,1']],
    ['dtdev', ['/soc/uart']],
    ['driver_domain', 1],
  ]),
  ...warned(NO_FORM, BY_HAND, [
    ['vtpm', ['backend=vtpm']],
    ['p9', ['tag=share,path=/srv,security_model=none']],
    ['pvcalls', ['backend=0']],
    ['vdispl', ['connectors=id0:1920x1080']],
    ['vsnd', [['card,short-name=a']]],
    ['vkb', ['unique-id=a,backend-type=linux']],
    ['virtio', ['type=virtio,device22,transport=mmio']],
    ['vif2', ['pdev=eth0']],
  ]),
  ...warned(STUBDOM, 'Leave it out.', [
    ['device_model_stubdomain_override', 1],
    ['device_model_stubdomain_seclabel', 'a:b:c'],
    ['stubdomain_kernel', '/srv/k'],
    ['stubdomain_cmdline', 'quiet'],
    ['stubdomain_ramdisk', '/srv/i'],
    ['stubdomain_memory', 64],
  ]),
  ...warned(LABELS, BY_HAND, [
    ['seclabel', 'system_u:system_r:domU_t'],
    ['init_seclabel', 'system_u:system_r:domU_t'],
  ]),
  ...warned(ARM, undefined, [
    ['device_tree', '/srv/a.dtb'],
    ['gic_version', 'v2'],
    ['vuart', 'sbsa_uart'],
    ['sve', '128'],
    ['nr_spis', 32],
    ['tee', 'optee'],
    ['llc_colors', ['0-3']],
    ['arm_sci', 'type=none'],
  ]),
  ...warned('the definition has one device model, today’s', 'Check that the guest starts with it.', [
    ['device_model_version', 'qemu-xen-traditional'],
  ]),
  ...warned(NEWER, BY_HAND, [
    ['altp2m_count', 4],
    ['trap_unmapped_accesses', 1],
    ['xen_platform_pci_bar_uc', 0],
    ['xenstore_feature_mask', 1],
    ['xenstore_quota', ['nodes=9']],
  ]),
  ...warned(GONE, undefined, [
    ['device_model', '/usr/lib/xen/bin/qemu-dm'],
    ['vncviewer', 1],
    ['latency', 5],
    ['slice', 10],
    ['sched', 'credit'],
    ['nodes', '0'],
    ['pvh', 1],
  ]),
  ...warned(NOT_XL, 'Leave it out, or say it in the guest.', [
    ['access_control', ['policy=p,label=l']],
    ['blkif', 1],
    ['bootentry', '1'],
    ['cpu', 1],
    ['cpuid_check', ['1:ecx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx']],
    ['dhcp', 'dhcp'],
    ['fda', '/srv/a.img'],
    ['fdb', '/srv/b.img'],
    ['features', '0'],
    ['gateway', '10.0.0.1'],
    ['guest_os_type', 'linux'],
    ['hostname', 'web'],
    ['interface', 'eth0'],
    ['ip', '10.0.0.2'],
    ['irq', ['5']],
    ['isa', 1],
    ['loader', '/usr/lib/xen/boot/hvmloader'],
    ['machine_address_size', 36],
    ['memory_sharing', 1],
    ['monitor', 1],
    ['monitor_path', '/run/m'],
    ['netif', 1],
    ['netmask', '255.0.0.0'],
    ['nfs_root', '/srv/root'],
    ['nfs_server', '10.0.0.1'],
    ['nics', 1],
    ['on_xend_start', 'start'],
    ['on_xend_stop', 'shutdown'],
    ['parallel', 'pty'],
    ['restart', 'never'],
    ['s3_integrity', 1],
    ['superpages', 1],
    ['suppress_spurious_page_faults', 1],
    ['target', 1],
    ['tpmif', 1],
    ['vcpu_avail', 1],
    ['vhpt', 16],
    ['vncconsole', 1],
    ['vscsi', ['0:0:0:0,0:0:0:0']],
    ['vusb', ['usbver=2']],
  ]),
];

const IN_METADATA = 'metadata';

/** Keys that domain XML expresses only partly; the rest is in the metadata. */
const IN_BOTH: readonly KeyRow[] = [
  ...carried([
    ['on_poweroff', '<on_poweroff>; a core dump or soft reset in the metadata', 'preserve'],
    ['on_reboot', '<on_reboot>; a core dump or soft reset in the metadata', 'destroy'],
    ['on_crash', '<on_crash>; a soft reset in the metadata', 'preserve'],
    ['acpi', '<features><acpi>; for a PVH guest a no is in the metadata', 0, VIRTUALIZED],
    ['bios', '<os firmware=…>; rombios in the metadata', 'seabios', HVM],
    ['viridian', '<features><viridian>; a list of groups in the metadata', 1, HVM],
    ['usb', "<input bus='usb'>; alone in the metadata", 1, HVM],
    ['nographic', 'no <video> and no <graphics>; next to a card in the metadata', 1, HVM],
    ['spicevdagent', `${SPICE}; without the clipboard in the metadata`, 1, HVM, WITH_SPICE],
    [
      'spicedisable_ticketing',
      `${SPICE} without a password; with one in the metadata`,
      1,
      HVM,
      { spice: 1, spiceport: 6000, spicepasswd: 'secret' },
    ],
    ['spiceusbredirection', IN_METADATA, 2, HVM, WITH_SPICE],
    ['spice_image_compression', IN_METADATA, 'lz4', HVM, WITH_SPICE],
    ['spice_streaming_video', IN_METADATA, 'off', HVM, WITH_SPICE],
    ['opengl', IN_METADATA, 1, HVM, { sdl: 1 }],
  ]),
];

const SETTINGS: readonly KeyRow[] = CARRIED_SETTINGS.filter(({ key }) => !IN_BOTH.some((row) => row.key === key)).map(
  ({ key, guests, example }) => ({
    key,
    fate: fates(guests, 'carried'),
    how: IN_METADATA,
    example,
  }),
);

const override = (row: KeyRow): KeyRow => {
  if (row.key === 'timer_mode') return { ...row, fate: { ...row.fate, pv: 'refused' } };
  // It denotes a kernel in a folder of Xen.
  if (row.key === 'firmware') return { ...row, fate: { ...row.fate, pv: 'refused', pvh: 'refused' } };
  // A separate framebuffer; with `vfb` xl ignores these keys.
  if (['vnc', 'vnclisten', 'vncpasswd', 'vncdisplay', 'vncunused', 'keymap'].includes(row.key)) {
    return { ...row, fate: { ...row.fate, pv: 'carried' }, ...(row.key === 'vnc' ? { exampleFor: { pv: 1 } } : {}) };
  }
  return row;
};

/** Sorted by key. */
export const KEY_TABLE: readonly KeyRow[] = [...IN_XML, ...IN_BOTH, ...SETTINGS, ...NOT_CARRIED]
  .map(override)
  .toSorted((a, b) => (a.key < b.key ? -1 : 1));

const ROW_OF: ReadonlyMap<string, KeyRow> = new Map(KEY_TABLE.map((row) => [row.key, row]));

/** The row of a key; undefined for an unknown key. */
export function keyRow(key: string): KeyRow | undefined {
  return ROW_OF.get(key);
}

/** Why a key of a file is not carried, as a sentence; undefined if it is. */
export function notCarried(key: string, guest: GuestType, format: NativeFormat): string | undefined {
  const row = keyRow(key);
  if (row === undefined) return `${key} is not carried over: it is not a key of xl.cfg(5) or of xm`;
  const other = row.only !== undefined && row.only !== format;
  if (row.fate[guest] !== 'warned' && !other) return undefined;
  const isOfOthers = Object.values(row.fate).some((fate) => fate === 'carried');
  const why = other
    ? `${format === 'xen-xl' ? 'xl' : 'xm'} passes it over`
    : isOfOthers
      ? `it has no meaning for a ${guest.toUpperCase()} guest`
      : row.how;
  const remedy = isOfOthers || row.remedy === undefined ? '' : `. ${row.remedy.replace(/\.$/, '')}`;
  return `${key} is not carried over: ${why}${remedy}`;
}
