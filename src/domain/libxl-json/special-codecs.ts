import { CpuSet } from '../cpu-set.js';
import { cInteger } from '../native/c-numbers.js';
import { formatCpuList, parseCpuList } from '../native/cpu-list.js';
import { recordOf, type FieldCodec, type SettingValue } from './field-codecs.js';
import type { Json, JsonObject } from './json.js';

/* Settings that are more than one field with one value in libxl's JSON. */

const listOf = (value: SettingValue): readonly string[] => (typeof value === 'string' ? [value] : value);
const numbersOf = (json: unknown): number[] =>
  Array.isArray(json) ? json.filter((one): one is number => Number.isSafeInteger(one)) : [];

/** Groups of Viridian enlightenments, by bit (libxl_types.idl). */
export const VIRIDIAN_GROUPS = [
  'base',
  'freq',
  'time_ref_count',
  'reference_tsc',
  'hcall_remote_tlb_flush',
  'apic_assist',
  'crash_ctl',
  'synic',
  'stimer',
  'hcall_ipi',
  'ex_processor_masks',
  'no_vp_limit',
  'cpu_hotplug',
] as const;
/** `LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH`: `all` sets each. */
const VIRIDIAN_BITS = 64;

function putViridian(value: SettingValue): JsonObject | undefined {
  const [enable, disable] = [new Set<number>(), new Set<number>()];
  let defaults = false;
  for (const word of listOf(value)) {
    const out = word.startsWith('!');
    const group = VIRIDIAN_GROUPS.findIndex((name) => name === (out ? word.slice(1) : word));
    if (word === 'all') for (let bit = 0; bit < VIRIDIAN_BITS; bit += 1) enable.add(bit);
    else if (word === 'defaults') defaults = true;
    else if (group < 0) return undefined;
    else {
      (out ? disable : enable).add(group);
      (out ? enable : disable).delete(group);
    }
  }
  const bits = (set: ReadonlySet<number>): Json => [...set].sort((a, b) => a - b);
  return {
    ...(defaults ? { viridian: 'True' } : {}),
    ...(enable.size === 0 ? {} : { viridian_enable: bits(enable) }),
    ...(disable.size === 0 ? {} : { viridian_disable: bits(disable) }),
  };
}

/** A list of groups; a plain yes or no is a feature of the definition. */
export const viridianGroups: FieldCodec = {
  fields: ['viridian', 'viridian_enable', 'viridian_disable'],
  says: `a list of ${VIRIDIAN_GROUPS.join(', ')}, each with ! before it to leave it out, of defaults and of all`,
  put: putViridian,
  take: ({ viridian, viridian_enable: on, viridian_disable: off }) => {
    const [enable, disable] = [numbersOf(on), numbersOf(off)];
    if (enable.length === 0 && disable.length === 0) return undefined;
    const names = (bits: readonly number[]): string[] => VIRIDIAN_GROUPS.filter((_, bit) => bits.includes(bit));
    return [
      ...(viridian === 'True' || viridian === true ? ['defaults'] : []),
      ...(enable.includes(VIRIDIAN_BITS - 1) ? ['all'] : names(enable)),
      ...names(disable).map((name) => `!${name}`),
    ];
  },
};

/** One text for all vcpus is written as one for each: their number is known elsewhere. */
export const softAffinity: FieldCodec = {
  fields: ['vcpu_soft_affinity'],
  says: 'a list of processors such as 0-3,^2 for each vcpu',
  put: (value) => {
    const sets = listOf(value).map(parseCpuList);
    if (sets.some((set) => set === undefined || set.kind === 'nodes')) return undefined;
    return {
      // Automatic placement on a node would overwrite it, as in xl.
      numa_placement: 'False',
      vcpu_soft_affinity: sets.map((set): Json => (set?.kind === 'cpus' ? set.cpus : CpuSet.ALL)),
    };
  },
  take: ({ vcpu_soft_affinity: json }) => {
    if (!Array.isArray(json) || json.length === 0) return undefined;
    const sets = json.map((set: unknown) => (set instanceof CpuSet ? set : CpuSet.of(numbersOf(set))));
    const isAny = sets.every((set) => set.isEmpty || set.equals(CpuSet.ALL));
    return isAny ? undefined : sets.map((set) => (set.isEmpty ? 'all' : formatCpuList(set)));
  },
};

const SMBIOS_TYPES = [
  'bios_vendor',
  'bios_version',
  'system_manufacturer',
  'system_product_name',
  'system_version',
  'system_serial_number',
  'baseboard_manufacturer',
  'baseboard_product_name',
  'baseboard_version',
  'baseboard_serial_number',
  'baseboard_asset_tag',
  'baseboard_location_in_chassis',
  'enclosure_manufacturer',
  'enclosure_serial_number',
  'enclosure_asset_tag',
  'battery_manufacturer',
  'battery_device_name',
  'oem',
] as const;
const MAX_SMBIOS = 128;
const MAX_SMBIOS_TEXT = 4096;

/** `smbios = ["system_product_name=…", …]`, since Xen 4.18. */
export const smbios: FieldCodec = {
  fields: ['smbios'],
  says: `a list of NAME=TEXT with names of ${SMBIOS_TYPES.join(', ')}`,
  put: (value) => {
    const entries = listOf(value).map((text): JsonObject | undefined => {
      const equals = text.indexOf('=');
      const key = SMBIOS_TYPES.find((one) => one === text.slice(0, Math.max(0, equals)));
      const words = text.slice(equals + 1);
      return key === undefined || words === '' || words.length > MAX_SMBIOS_TEXT ? undefined : { key, value: words };
    });
    const found = entries.filter((entry) => entry !== undefined);
    return found.length < entries.length || found.length > MAX_SMBIOS ? undefined : { smbios: found };
  },
  take: ({ smbios: json }) => {
    if (!Array.isArray(json)) return undefined;
    const texts = json.slice(0, MAX_SMBIOS).flatMap((entry: unknown) => {
      const { key, value } = recordOf(entry);
      return typeof key === 'string' && typeof value === 'string' ? [`${key}=${value}`] : [];
    });
    return texts.length === 0 ? undefined : texts;
  },
};

/** `rdm = "strategy=host,policy=relaxed"`. */
export const rdm: FieldCodec = {
  fields: ['rdm'],
  says: 'like strategy=host,policy=strict or policy=relaxed',
  put: (value) => {
    if (typeof value !== 'string') return undefined;
    const fields: Record<string, Json> = {};
    for (const part of value.split(',')) {
      const [key, word] = part.split('=', 2);
      if (key === 'strategy' && word === 'host') fields.strategy = word;
      else if (key === 'policy' && (word === 'strict' || word === 'relaxed')) fields.policy = word;
      else return undefined;
    }
    return { rdm: fields };
  },
  take: ({ rdm: json }) => {
    const { strategy, policy } = recordOf(json);
    const words = [
      ...(strategy === 'host' ? ['strategy=host'] : []),
      ...(policy === 'strict' || policy === 'relaxed' ? [`policy=${policy}`] : []),
    ];
    // libxl's default is relaxed, without a strategy.
    return strategy !== 'host' && policy !== 'strict' ? undefined : words.join(',');
  },
};

/** A card of the host as the guest's primary one: 0, 1, or its kind. */
export const gfxPassthru: FieldCodec = {
  fields: ['gfx_passthru', 'gfx_passthru_kind'],
  says: '0, 1, default or igd',
  put: (value) => {
    if (typeof value !== 'string') return undefined;
    const number = cInteger(value);
    if (number !== undefined) return { gfx_passthru: number === 0 ? 'False' : 'True' };
    return value === 'default' || value === 'igd' ? { gfx_passthru: 'True', gfx_passthru_kind: value } : undefined;
  },
  take: ({ gfx_passthru: on, gfx_passthru_kind: kind }) => {
    if (on !== 'True') return undefined;
    return kind === 'igd' ? kind : '1';
  },
};

const LMCE = 1;

export const mcaCaps: FieldCodec = {
  fields: ['mca_caps'],
  says: 'a list with lmce in it',
  put: (value) => (listOf(value).every((one) => one === 'lmce') ? { mca_caps: LMCE } : undefined),
  take: ({ mca_caps: json }) => (json === LMCE ? ['lmce'] : undefined),
};

/** MiB that libxl keeps for shadow page tables by itself: 1 MiB for each vcpu and 8 KiB for each MiB (libxl.c). */
function usualShadowKiB(maxMemoryKiB: number, vcpus: number): number {
  return 4 * (256 * vcpus + 2 * Math.floor(maxMemoryKiB / 1024));
}

const MAX_SHADOW_MIB = 2 ** 24;

export const shadowMemory: FieldCodec = {
  fields: ['shadow_memkb'],
  says: `a number of MiB from 0 to ${MAX_SHADOW_MIB}`,
  put: (value) => {
    const mib = typeof value === 'string' ? cInteger(value) : undefined;
    return mib === undefined || mib < 0 || mib > MAX_SHADOW_MIB ? undefined : { shadow_memkb: mib * 1024 };
  },
  take: ({ shadow_memkb: json, max_memkb: memory, max_vcpus: vcpus }) => {
    if (typeof json !== 'number' || !Number.isSafeInteger(json) || json <= 0) return undefined;
    return json === usualShadowKiB(Number(memory), Number(vcpus)) ? undefined : String(Math.ceil(json / 1024));
  },
};

const putFlag =
  (field: string): FieldCodec['put'] =>
  (value) => {
    const number = typeof value === 'string' ? cInteger(value) : undefined;
    return number === undefined ? undefined : { [field]: number === 0 ? 'False' : 'True' };
  };

/** No window of the device model; without a card there is none, which the definition shows. */
export const nographic: FieldCodec = {
  fields: ['nographic'],
  says: '0 or 1',
  put: putFlag('nographic'),
  take: ({ nographic: is, vga }) => {
    const { kind } = recordOf(vga);
    return (is === 'True' || is === true) && kind !== 'none' ? '1' : undefined;
  },
};

/** USB without a device on it. */
export const usbAlone: FieldCodec = {
  fields: ['usb'],
  says: '0 or 1',
  put: putFlag('usb'),
  take: ({ usb, usbdevice, usbdevice_list: list }) => {
    const some = (typeof usbdevice === 'string' && usbdevice !== '') || (Array.isArray(list) && list.length > 0);
    return usb === 'True' && !some ? '1' : undefined;
  },
};

/** Spice's agent in the guest, if a shared clipboard does not imply it. */
export const spiceAgent: FieldCodec = {
  fields: ['vdagent'],
  says: '0 or 1',
  put: putFlag('vdagent'),
  take: ({ vdagent, clipboard_sharing: clipboard }) => {
    const on = vdagent === 'True' || vdagent === true;
    if (vdagent === undefined || vdagent === '<default>' || vdagent === clipboard) return undefined;
    return on ? '1' : '0';
  },
};

/** No password required although there is one. */
export const openSpice: FieldCodec = {
  fields: ['disable_ticketing'],
  says: '0 or 1',
  put: putFlag('disable_ticketing'),
  take: ({ disable_ticketing: open, passwd }) =>
    (open === 'True' || open === true) && typeof passwd === 'string' && passwd !== '' ? '1' : undefined,
};
