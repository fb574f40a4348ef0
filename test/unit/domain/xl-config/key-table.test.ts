import { describe, expect, it } from 'vitest';
import { applyDefaults } from '../../../../src/domain/definition/defaults.js';
import { readDefinition } from '../../../../src/domain/definition/read.js';
import { toDomain } from '../../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../../src/domain/format.js';
import { CARRIED_SETTINGS } from '../../../../src/domain/libxl-json/carried-settings.js';
import { fromLibxlConfig } from '../../../../src/domain/libxl-json/from-libxl.js';
import { libxlJson } from '../../../../src/domain/libxl-json/to-libxl.js';
import type { GuestType } from '../../../../src/domain/model.js';
import { parseDomainXml } from '../../../../src/domain/parse.js';
import type { NativeFormat } from '../../../../src/domain/xl-config/formats.js';
import { fromXlConfig } from '../../../../src/domain/xl-config/from-config.js';
import { KEY_TABLE, type Fate, type KeyRow } from '../../../../src/domain/xl-config/key-table.js';
import { formatCfg, type CfgOut } from '../../../../src/domain/xl-config/syntax.js';
import { toXlConfig } from '../../../../src/domain/xl-config/to-config.js';
import { UsageError } from '../../../../src/errors/errors.js';

/*
 * The table of keys against what happens: a file with a key, against the same file without it. A key that is carried shows in
 * the domain XML, in what libxl gets of that XML, and in the file and the XML that are made of them again; one that is not, a
 * warning or an error names.
 */

/** Every key that xl_parse.c of Xen 4.2 to 4.22 asks a file for, those of the manual that it makes up from parts, and xm's. */
const KEYS_OF_XEN =
  `acpi acpi_firmware acpi_laptop_slate acpi_s3 acpi_s4 altp2m altp2m_count altp2mhvm apic arm_sci bios
bios_path_override boot bootloader bootloader_args bootloader_restrict bootloader_user builder cap channel cmdline cpu_weight cpuid
cpus cpus_soft device_model device_model_args device_model_args_hvm device_model_args_pv device_model_override
device_model_stubdomain_override device_model_stubdomain_seclabel device_model_user device_model_version device_tree disk display
dm_restrict driver_domain dtdev e820_host extra extratime firmware firmware_override gfx_passthru gic_version hap hdtype hpet
hvm_pirq init_seclabel iomem ioports irqs kernel keymap latency llc_colors localtime max_event_channels max_grant_frames
max_grant_version max_maptrack_frames maxmem maxvcpus mca_caps memory mmio_hole ms_vm_genid msr_relaxed name nestedhvm nodes
nographic nomigrate nr_spis nx on_crash on_poweroff on_reboot on_soft_reset on_watchdog oos opengl p9 pae passthrough pci
pci_msitranslate pci_permissive pci_power_mgmt pci_seize period pool pvcalls pvh pvshim pvshim_cmdline pvshim_extra pvshim_path
ramdisk rdm rdm_mem_boundary root rtc_timeoffset sched sdl seclabel serial shadow_memory slice smbios smbios_firmware soundhw spice
spice_clipboard_sharing spice_image_compression spice_streaming_video spiceagent_mouse spicedisable_ticketing spicehost spicepasswd
spiceport spicetls_port spiceusbredirection spicevdagent stdvga stubdomain_cmdline stubdomain_kernel stubdomain_memory
stubdomain_ramdisk sve tee timer_mode trap_unmapped_accesses tsc_mode type usb usbctrl usbdev usbdevice usbversion uuid vcpus vdispl
vendor_device vfb vga videoram vif vif2 viridian virtio vkb vkb_device vmtrace_buf_kb vnc vncdisplay vnclisten vncpasswd vncunused
vncviewer vnuma vpmu vpt_align vsnd vtpm vuart xauthority xen_platform_pci xen_platform_pci_bar_uc xend_suspend_evtchn_compat
xenstore_feature_mask xenstore_quota
access_control blkif bootargs bootentry cpu cpu_cap cpuid_check description dhcp fda fdb features gateway guest_os_type hostname
interface ip irq isa loader machine_address_size memory_sharing monitor monitor_path netif netmask nfs_root nfs_server nics
on_xend_start on_xend_stop parallel restart s3_integrity superpages suppress_spurious_page_faults target tpmif vcpu_avail vhpt
vncconsole vscsi vusb`.split(/\s+/);

const UUID = '9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f';
const KINDS: readonly GuestType[] = ['pv', 'pvh', 'hvm'];
const context = { randomOctets: (): [number, number, number] => [1, 2, 3] };

interface Traces {
  readonly xml: string;
  /** What libxl gets for that XML. */
  readonly json: string;
  /** The XML that a domain of that JSON shows. */
  readonly running: string;
  /** What libxl gets of the file that is written of the XML. */
  readonly again: string;
  readonly warnings: readonly string[];
}

function traces(fields: Readonly<Record<string, CfgOut>>, format: NativeFormat): Traces {
  const cfg = formatCfg(new Map(Object.entries(fields)));
  const { definition, warnings } = fromXlConfig(cfg, { format, makeUuid: () => UUID });
  const complete = applyDefaults({ ...definition, genid: definition.genid === '' ? UUID : definition.genid }, context);
  const xml = formatDomainXml(toDomain(complete));
  const read = readDefinition(parseDomainXml(xml)).definition;
  const json = libxlJson(read);
  const running = fromLibxlConfig(JSON.parse(json)).definition;
  // A file says of a generation that a new one is made, and of none which it was.
  const file = toXlConfig({ ...read, genid: undefined }, 'xen-xl');
  const back = fromXlConfig(file, { format: 'xen-xl', makeUuid: () => UUID });
  return {
    xml,
    json,
    running: formatDomainXml(toDomain(applyDefaults(running, context))),
    again: libxlJson(applyDefaults({ ...back.definition, genid: read.genid }, context)),
    warnings: [...warnings, ...back.warnings],
  };
}

function fileOf(
  type: GuestType,
  row: KeyRow,
): { readonly without: Record<string, CfgOut>; readonly with: Record<string, CfgOut> } {
  const kernel: Record<string, CfgOut> =
    type === 'hvm' || row.needs?.bootloader !== undefined ? {} : { kernel: '/boot/k' };
  const general: Record<string, CfgOut> = {
    type,
    name: 'g',
    uuid: UUID,
    memory: 256,
    vcpus: row.key === 'vnuma' ? 1 : 2,
  };
  const own = { ...general, ...kernel, ...row.needs };
  const { type: _, ...untyped } = own;
  const { [row.key]: __, ...without } = row.key === 'builder' ? untyped : own;
  // A guest needs a name.
  const base = row.key === 'name' ? own : without;
  return { without: base, with: { ...base, [row.key]: row.exampleFor?.[type] ?? row.example } };
}

/** Which of the three it is, and where a trace is missing. */
function seen(
  row: KeyRow,
  type: GuestType,
  format: NativeFormat,
): { readonly fate: Fate | 'lost'; readonly missing: string[] } {
  const files = fileOf(type, row);
  let after: Traces;
  try {
    after = traces(files.with, format);
  } catch (error) {
    if (error instanceof UsageError && error.message.includes(row.key)) return { fate: 'refused', missing: [] };
    throw error;
  }
  if (after.warnings.some((text) => text.includes(`: ${row.key} is not carried over`)))
    return { fate: 'warned', missing: [] };
  const before = traces(files.without, format);
  const places = ['xml', 'json', 'running', 'again'] as const;
  const missing = places.filter((place) => before[place] === after[place]);
  if (after.again !== after.json) missing.push('again');
  // What libxl is not told of, only the XML has.
  const need = row.key === 'description' ? missing.filter((place) => place === 'xml') : missing;
  return { fate: need.length === 0 ? 'carried' : 'lost', missing: need };
}

describe('the table of keys', () => {
  it('has every key that xl or xm ever asked for, once, and no other', () => {
    expect(KEY_TABLE.map(({ key }) => key)).toEqual([...new Set(KEYS_OF_XEN)].toSorted());
  });

  it('has each setting of the metadata', () => {
    const keys = new Set(KEY_TABLE.map(({ key }) => key));
    expect(CARRIED_SETTINGS.filter(({ key }) => !keys.has(key))).toEqual([]);
  });

  it.each(KEY_TABLE.map((row) => [row.key, row] as const))(
    'L15: %s is what the table says, for each guest',
    (_, row) => {
      const format = row.only ?? 'xen-xl';
      for (const type of KINDS) {
        // The key that says which guest it is.
        if ((row.key === 'type' || row.key === 'builder') && type !== 'pv') continue;
        expect({ type, ...seen(row, type, format) }).toEqual({ type, fate: row.fate[type], missing: [] });
      }
    },
  );

  it('the walk finds a key that leaves no trace, and one that is not what its row says', () => {
    const row = KEY_TABLE.find(({ key }) => key === 'nx')!;
    // What libxl chooses by itself changes nothing, as a key that nothing reads would.
    expect(seen({ ...row, example: 1 }, 'hvm', 'xen-xl')).toEqual({
      fate: 'lost',
      missing: ['xml', 'json', 'running', 'again'],
    });
    expect(seen(row, 'pv', 'xen-xl').fate).toBe('warned');
  });

  it.each(CARRIED_SETTINGS.map((setting) => [setting.key, setting] as const))(
    'L15: %s of the metadata is in the JSON what it was, and nothing else is taken for it',
    (_, { codec, example, at }) => {
      const put = codec.put(example);
      expect(put).toBeDefined();
      expect(codec.take({ max_memkb: 1024, max_vcpus: 1, passwd: 'x', ...put })).toEqual(example);
      expect(codec.take({})).toBeUndefined();
      expect(codec.put(['no', 'such', 'value', '\u0000'.repeat(5000)])).toBeUndefined();
      expect(at).not.toContain('');
    },
  );

  it('a key that is no key of either is named with its line', () => {
    const { warnings } = fromXlConfig('name = "g"\nkernel = "/k"\nmemroy = 512\n', {
      format: 'xen-xl',
      makeUuid: () => UUID,
    });
    expect(warnings).toContain('line 3: memroy is not carried over: it is not a key of xl.cfg(5) or of xm');
  });
});
