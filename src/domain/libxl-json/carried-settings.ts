import { CRASH_ACTIONS, LIFECYCLE_ACTIONS } from '../definition/model.js';
import type { GuestType } from '../model.js';
import { actionField } from './action-field.js';
import {
  choiceField,
  defboolField,
  integerField,
  merged,
  recordOf,
  textField,
  type FieldCodec,
  type SettingValue,
} from './field-codecs.js';
import type { JsonObject } from './json.js';
import {
  gfxPassthru,
  mcaCaps,
  nographic,
  openSpice,
  rdm,
  shadowMemory,
  smbios,
  softAffinity,
  spiceAgent,
  usbAlone,
  viridianGroups,
} from './special-codecs.js';

/*
 * Settings of xl that libvirt's domain XML lacks and that concern the guest alone: they are kept in
 * the definition's metadata under the names of xl.cfg(5), and have the form in libxl's JSON that is listed here
 * (xl_parse.c and libxl_types.idl, Xen 4.14 to 4.20). Settings that name users, files or devices of the host are not
 * kept: see xl-config/key-table.ts.
 */

/** One such setting. */
export interface CarriedSetting {
  /** Its key in xl.cfg(5). */
  readonly key: string;
  /** The object of libxl's JSON that contains it. */
  readonly at: readonly string[];
  readonly codec: FieldCodec;
  /** Guests that have it; for others xl ignores it. */
  readonly guests: readonly GuestType[];
  /** A value that is not libxl's own choice. */
  readonly example: SettingValue;
}

const ALL: readonly GuestType[] = ['pv', 'pvh', 'hvm'];
const HVM: readonly GuestType[] = ['hvm'];
const VIRTUALIZED: readonly GuestType[] = ['hvm', 'pvh'];
const PVH: readonly GuestType[] = ['pvh'];

const INT_MAX = 2 ** 31 - 1;
const DEFAULT_GRANTS = 0xffff_ffff;
/** Marks a scheduler parameter that is not set. */
const UNSET = -1;
/** Names of the timer modes, by number. */
export const TIMER_MODES = [
  'delay_for_missed_ticks',
  'no_delay_for_missed_ticks',
  'no_missed_ticks_pending',
  'one_missed_tick_pending',
];
const MIB_IN_KIB = 1024;

type Row = readonly [key: string, codec: FieldCodec, example: SettingValue, guests?: readonly GuestType[]];

const rows = (at: readonly string[], guests: readonly GuestType[], list: readonly Row[]): CarriedSetting[] =>
  list.map(([key, codec, example, own]) => ({ key, at, codec, guests: own ?? guests, example }));

const number = (field: string, max: number, more: { usual?: readonly number[]; scale?: number } = {}): FieldCodec =>
  integerField(field, { min: 0, max, ...more });

export const CARRIED_SETTINGS: readonly CarriedSetting[] = [
  ...rows([], ALL, [
    // What `<on_…>` has no word for stands here as well, and counts.
    ['on_poweroff', actionField('on_poweroff', LIFECYCLE_ACTIONS), 'coredump-destroy'],
    ['on_reboot', actionField('on_reboot', LIFECYCLE_ACTIONS), 'coredump-restart'],
    ['on_crash', actionField('on_crash', CRASH_ACTIONS), 'soft-reset'],
    ['on_watchdog', actionField('on_watchdog'), 'preserve'],
    ['on_soft_reset', actionField('on_soft_reset', ['soft-reset']), 'preserve'],
  ]),
  ...rows(['c_info'], ALL, [
    ['pool', textField('pool_name'), 'fast'],
    ['oos', defboolField('oos'), '0', VIRTUALIZED],
    ['xend_suspend_evtchn_compat', defboolField('xend_suspend_evtchn_compat', false), '1'],
  ]),
  ...rows(['b_info'], ALL, [
    ['cpus_soft', softAffinity, ['0-3']],
    ['nomigrate', defboolField('disable_migrate', false), '1'],
    ['max_maptrack_frames', number('max_maptrack_frames', INT_MAX, { usual: [1024, DEFAULT_GRANTS] }), '512'],
    ['max_grant_version', number('max_grant_version', INT_MAX, { usual: [-1, 2] }), '1'],
    ['dm_restrict', defboolField('dm_restrict', false), '1', HVM],
    ['bootloader_restrict', defboolField('bootloader_restrict', false), '1', ['pv']],
    // For an HVM guest the definition decides; a PVH guest needs it to be set explicitly.
    ['acpi', defboolField('acpi', true), '0', PVH],
    ['vpmu', defboolField('vpmu', false), '1'],
    ['vmtrace_buf_kb', number('vmtrace_buf_kb', INT_MAX), '64'],
    ['shadow_memory', shadowMemory, '64', VIRTUALIZED],
    [
      'timer_mode',
      choiceField('timer_mode', TIMER_MODES, 'no_delay_for_missed_ticks', { numbered: true }),
      'one_missed_tick_pending',
      VIRTUALIZED,
    ],
    [
      'altp2m',
      choiceField('altp2m', ['disabled', 'mixed', 'external', 'limited'], 'disabled', { numbered: true }),
      'external',
      VIRTUALIZED,
    ],
  ]),
  ...rows(['b_info', 'sched_params'], ALL, [
    ['cap', number('cap', INT_MAX, { usual: [0, UNSET] }), '50'],
    ['period', number('period', INT_MAX, { usual: [UNSET] }), '10000'],
    ['extratime', number('extratime', 1, { usual: [UNSET] }), '1'],
  ]),
  ...rows(['b_info', 'arch_x86'], ALL, [['msr_relaxed', defboolField('msr_relaxed', false), '1']]),
  ...rows(['b_info', 'type.pvh'], PVH, [
    ['pvshim', defboolField('pvshim', false), '1'],
    ['pvshim_cmdline', textField('pvshim_cmdline'), 'pv-shim console=xen'],
    ['pvshim_extra', textField('pvshim_extra'), 'loglvl=all'],
  ]),
  ...rows(['b_info', 'type.hvm'], HVM, [
    ['bios', choiceField('bios', ['rombios']), 'rombios'],
    ['pae', defboolField('pae', true), '0'],
    ['acpi_s3', defboolField('acpi_s3', true), '0'],
    ['acpi_s4', defboolField('acpi_s4', true), '0'],
    ['acpi_laptop_slate', defboolField('acpi_laptop_slate', false), '1'],
    ['nx', defboolField('nx', true), '0'],
    ['vpt_align', defboolField('vpt_align', true), '0'],
    ['hvm_pirq', defboolField('pirq', false), '1'],
    ['viridian', viridianGroups, ['base', 'freq', '!synic']],
    ['mmio_hole', number('mmio_hole_memkb', 4096, { scale: MIB_IN_KIB }), '512'],
    ['altp2mhvm', defboolField('altp2m', false), '1'],
    ['smbios', smbios, ['system_product_name=Box', 'oem=one']],
    ['rdm', rdm, 'strategy=host,policy=strict'],
    [
      'rdm_mem_boundary',
      number('rdm_mem_boundary_memkb', 4096, { scale: MIB_IN_KIB, usual: [0, 2048 * MIB_IN_KIB] }),
      '1024',
    ],
    ['mca_caps', mcaCaps, ['lmce']],
    ['hdtype', choiceField('hdtype', ['ide', 'ahci'], 'ide'), 'ahci'],
    ['nographic', nographic, '1'],
    ['gfx_passthru', gfxPassthru, 'igd'],
    ['usb', usbAlone, '1'],
    ['usbversion', integerField('usbversion', { min: 1, max: 3 }), '2'],
    ['vkb_device', defboolField('vkb_device', true), '0'],
    ['xen_platform_pci', defboolField('xen_platform_pci', true), '0'],
    ['vendor_device', choiceField('vendor_device', ['none', 'xenserver'], 'none'), 'xenserver'],
  ]),
  ...rows(['b_info', 'type.hvm', 'spice'], HVM, [
    ['spicevdagent', spiceAgent, '1'],
    ['spicedisable_ticketing', openSpice, '1'],
    ['spiceusbredirection', number('usbredirection', 64), '2'],
    ['spice_image_compression', textField('image_compression'), 'lz4'],
    ['spice_streaming_video', textField('streaming_video'), 'off'],
  ]),
  ...rows(['b_info', 'type.hvm', 'sdl'], HVM, [['opengl', defboolField('opengl', false), '1']]),
];

export type Settings = ReadonlyMap<string, SettingValue>;

/** The settings of this list in a libxl configuration. */
export function settingsFromJson(config: object, guest: GuestType): Settings {
  const found = CARRIED_SETTINGS.flatMap(({ key, at, codec, guests }) => {
    if (!guests.includes(guest)) return [];
    const value = codec.take(at.reduce((object, name) => recordOf(object[name]), recordOf(config)));
    return value === undefined ? [] : [[key, value] as const];
  });
  return new Map(found);
}

/** The setting with this key that guests of the type have. */
export function carriedSetting(key: string, guest: GuestType): CarriedSetting | undefined {
  return CARRIED_SETTINGS.find((one) => one.key === key && one.guests.includes(guest));
}

/** A configuration with one more setting; undefined if the value is invalid. */
export function withSetting(
  config: JsonObject,
  { at, codec }: CarriedSetting,
  value: SettingValue,
): JsonObject | undefined {
  const fields = codec.put(value);
  if (fields === undefined) return undefined;
  return merged(
    config,
    at.reduceRight<JsonObject>((inner, name) => ({ [name]: inner }), fields),
  );
}
