import { isAbsent, isFalse, isOneOf, isThisHost, isUpTo, matches, type Passes } from './field-values.js';

/*
 * Fields of libxl's JSON that domain XML cannot express (libxl_types.idl, Xen 4.14 to 4.21). A field is accepted from
 * another host's or a file's configuration only if it is listed here, with a value that its line accepts; a field that
 * is neither listed here nor read into the definition is refused. Paths consist of keys, `*` for each member of a list.
 */

/** Fields with a common reason. */
export interface FieldGroup {
  readonly why: string;
  readonly paths: readonly string[];
  /** Without it every value is accepted. */
  readonly passes?: Passes;
}

const CHOICE = /^[a-z0-9_]{1,32}$/i;
const NAME = /^[\w.-]{0,64}$/;
/**
 * Twice what libxl itself allots: 1 MiB for each processor, and 8 KiB for each MiB of memory
 * (libxl_get_required_shadow_memory).
 */
const PAGING_KIB_PER_VCPU = 2048;
const PAGING_SHARE = 64;

const withinPagingMemory: Passes = (value, { b_info: built }) =>
  isUpTo(built.max_vcpus * PAGING_KIB_PER_VCPU + Math.ceil(built.max_memkb / PAGING_SHARE) + PAGING_KIB_PER_VCPU)(
    value,
    { b_info: built },
  );

/** Fields that only the guest observes, or that have no effect: they are kept in a migration. */
export const HARMLESS: readonly FieldGroup[] = [
  {
    why: 'the id on the host that it came from: libxl gives it another',
    paths: ['c_info/domid'],
  },
  {
    why: 'numbers of devices within the domain',
    paths: ['vfbs/*/devid', 'vkbs/*/devid', 'channels/*/devid'],
  },
  {
    why: 'how the guest sees its processors, its clock and its firmware; it has booted with them',
    paths: [
      'b_info/timer_mode',
      'b_info/arch_x86/msr_relaxed',
      'b_info/altp2m',
      'b_info/vpmu',
      'b_info/trap_unmapped_accesses',
      'b_info/xenstore_feature_mask',
      'b_info/max_grant_version',
      'b_info/max_maptrack_frames',
      'b_info/blkdev_start',
      'b_info/arch_arm/gic_version',
      'b_info/arch_arm/nr_spis',
      'b_info/arch_arm/sve_vl',
      'b_info/arch_arm/vuart',
      'b_info/type.hvm/acpi_s3',
      'b_info/type.hvm/acpi_s4',
      'b_info/type.hvm/acpi_laptop_slate',
      'b_info/type.hvm/nx',
      'b_info/type.hvm/viridian_enable',
      'b_info/type.hvm/viridian_disable',
      'b_info/type.hvm/timeoffset',
      'b_info/type.hvm/vpt_align',
      'b_info/type.hvm/timer_mode',
      'b_info/type.hvm/altp2m',
      'b_info/type.hvm/mmio_hole_memkb',
      'b_info/type.hvm/rdm/policy',
      'b_info/type.hvm/rdm_mem_boundary_memkb',
      'b_info/type.hvm/mca_caps',
      'b_info/type.hvm/pirq',
      'b_info/type.hvm/smbios',
      'b_info/type.pvh/pvshim',
      'b_info/type.pvh/pvshim_cmdline',
      'b_info/type.pvh/pvshim_extra',
      'c_info/oos',
      'c_info/xend_suspend_evtchn_compat',
    ],
  },
  {
    why: 'devices that the device model shows to the guest, and that open nothing of the host',
    paths: [
      'b_info/type.hvm/hdtype',
      'b_info/type.hvm/usb',
      'b_info/type.hvm/usbversion',
      'b_info/type.hvm/vkb_device',
      'b_info/type.hvm/xen_platform_pci',
      'b_info/type.hvm/vendor_device',
      'b_info/type.hvm/spice/usbredirection',
      'vkbs/*/backend_type',
      'vkbs/*/feature_disable_keyboard',
      'vkbs/*/feature_disable_pointer',
      'vkbs/*/feature_abs_pointer',
      'vkbs/*/feature_raw_pointer',
      'vkbs/*/feature_multi_touch',
      'vkbs/*/width',
      'vkbs/*/height',
      'vkbs/*/multi_touch_width',
      'vkbs/*/multi_touch_height',
      'vkbs/*/multi_touch_num_contacts',
    ],
  },
  {
    why: 'a name for the guest, of plain characters',
    paths: ['vkbs/*/unique_id', 'b_info/type.hvm/spice/image_compression', 'b_info/type.hvm/spice/streaming_video'],
    passes: matches(NAME),
  },
  {
    why: 'where on the host it runs, which Xen bounds; the leaving host has set it',
    paths: [
      'b_info/cpumap',
      'b_info/nodemap',
      'b_info/vcpu_soft_affinity',
      'b_info/numa_placement',
      'b_info/llc_colors',
      'b_info/sched_params/sched',
      'b_info/sched_params/vcpuid',
      'b_info/sched_params/cap',
      'b_info/sched_params/period',
      'b_info/sched_params/budget',
      'b_info/sched_params/extratime',
      'b_info/sched_params/slice',
      'b_info/sched_params/latency',
      'b_info/claim_mode',
      'b_info/disable_migrate',
    ],
  },
  {
    why: 'memory of the hypervisor for page tables, as much as libxl itself allots',
    paths: ['b_info/shadow_memkb', 'b_info/iommu_memkb'],
    passes: withinPagingMemory,
  },
  {
    why: 'memory above the maximum, of which PV guests have a little',
    paths: ['b_info/type.pv/slack_memkb'],
    passes: isUpTo(64 * 1024),
  },
  {
    why: 'less privilege for programs of the host',
    paths: ['b_info/dm_restrict', 'b_info/bootloader_restrict'],
  },
  {
    why: 'the user that the device model runs as: root, or one that is made for that purpose (docs/features/qemu-deprivilege)',
    paths: ['b_info/device_model_user'],
    passes: matches(/^(?:|root|xen-qemuuser-[\w-]{1,64})$/),
  },
  {
    why: 'the device model of today, which libxl starts by default as well',
    paths: ['b_info/device_model_version'],
    passes: isOneOf('qemu_xen', 'unknown'),
  },
  {
    why: 'whether libxl or udev runs the scripts for devices: what they are, the devices say',
    paths: ['c_info/run_hotplug_scripts'],
  },
  {
    why: 'how a disk is served that the definition names',
    paths: ['disks/*/removable', 'disks/*/transport', 'disks/*/irq', 'disks/*/base'],
  },
  {
    why: 'what the toolstack does when the guest ends so: the metadata show it',
    paths: ['on_watchdog', 'on_soft_reset'],
    passes: matches(CHOICE),
  },
  { why: 'a channel that nothing serves', paths: ['channels/*/connection.unknown'], passes: isAbsent },
];

/**
 * Fields that affect the host and that XML cannot express: unless absent or off, they need a permission of their own.
 */
export const REACHING: readonly FieldGroup[] = [
  {
    why: 'parts of the host are handed to the guest',
    paths: [
      'b_info/ioports',
      'b_info/irqs',
      'b_info/iomem',
      'b_info/device_tree',
      'rdms',
      'dtdevs',
      'virtios',
      'vtpms',
      'p9s',
      'pvcallsifs',
      'vdispls',
      'vsnds',
      'pcidevs/*/name',
    ],
    passes: isAbsent,
  },
  { why: 'parts of the host are handed to the guest', paths: ['b_info/type.hvm/gfx_passthru'], passes: isFalse },
  {
    why: 'parts of the host are handed to the guest',
    paths: ['b_info/type.hvm/gfx_passthru_kind'],
    passes: isOneOf('default'),
  },
  { why: 'memory of the host is held for devices', paths: ['b_info/type.hvm/rdm/strategy'], passes: isOneOf('ignore') },
  {
    why: 'files of the host, or arguments for its programs',
    paths: [
      'b_info/extra_pv',
      'b_info/extra_hvm',
      'b_info/bootloader_user',
      'b_info/stubdomain_kernel',
      'b_info/stubdomain_ramdisk',
      'b_info/stubdomain_cmdline',
      'b_info/type.hvm/firmware',
      'b_info/type.hvm/smbios_firmware',
      'b_info/type.pv/kernel',
      'b_info/type.pv/ramdisk',
      'b_info/type.pv/cmdline',
      'b_info/type.pv/bootloader',
      'b_info/type.pv/bootloader_args',
      'b_info/type.pv/features',
      'b_info/type.pvh/pvshim_path',
      'disks/*/active_disk',
      'disks/*/hidden_disk',
    ],
    passes: isAbsent,
  },
  { why: 'a domain of its own for the device model', paths: ['b_info/device_model_stubdomain'], passes: isFalse },
  {
    why: 'memory of the host beyond the guest',
    paths: ['b_info/stubdomain_memkb', 'b_info/vmtrace_buf_kb'],
    passes: isUpTo(0),
  },
  { why: 'a domain that serves others', paths: ['c_info/driver_domain'], passes: isFalse },
  {
    why: 'xenstore keys, pools and labels of the host',
    paths: [
      'c_info/xsdata',
      'c_info/platformdata',
      'c_info/ssid_label',
      'b_info/exec_ssid_label',
      'b_info/device_model_ssid_label',
    ],
    passes: isAbsent,
  },
  {
    why: 'xenstore keys, pools and labels of the host',
    paths: ['c_info/ssidref', 'b_info/exec_ssidref', 'b_info/device_model_ssidref', 'c_info/poolid'],
    passes: isUpTo(0),
  },
  { why: 'xenstore keys, pools and labels of the host', paths: ['c_info/pool_name'], passes: isOneOf('', 'Pool-0') },
  { why: 'a trusted environment of the host', paths: ['b_info/tee'], passes: isOneOf('none') },
  {
    why: 'a domain that serves the device, by its id',
    paths: ['disks', 'nics', 'vfbs', 'vkbs', 'channels', 'usbctrls'].map((list) => `${list}/*/backend_domid`),
    passes: isUpTo(0),
  },
  {
    why: 'a domain that serves the device',
    paths: ['vkbs', 'vfbs', 'usbctrls'].map((list) => `${list}/*/backend_domname`),
    passes: isThisHost,
  },
  {
    why: 'a second copy of the guest (COLO)',
    paths: ['disks/*/colo_enable', 'disks/*/colo_restore_enable'],
    passes: isFalse,
  },
  { why: 'a second copy of the guest (COLO)', paths: ['disks/*/colo_host', 'disks/*/colo_export'], passes: isAbsent },
  { why: 'a second copy of the guest (COLO)', paths: ['disks/*/colo_port'], passes: isUpTo(0) },
];
