import { parseCharacterText } from '../native/character-text.js';
import { cpuidFromJson } from './cpuid.js';
import type { ReadConfig } from './schema.js';

/** Lists of libxl_domain_config that domain XML has no devices for. */
const OTHER_LISTS = ['rdms', 'dtdevs', 'virtios', 'vtpms', 'p9s', 'pvcallsifs', 'vdispls', 'vsnds'] as const;

/** Fields of `b_info` that change what the guest is, and that domain XML cannot say. */
const OTHER_FIELDS = ['ioports', 'irqs', 'iomem', 'device_tree', 'disable_migrate', 'nodemap', 'cpumap'] as const;

function isThere(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '<default>';
}

/** What a configuration says and a definition made of it does not; each with its path. */
export function unshownFields(config: ReadConfig): string[] {
  const hvm = config.b_info['type.hvm'];
  const serials = [hvm?.serial, ...(hvm?.serial_list ?? [])];
  const paths = [
    ...OTHER_LISTS.filter((name) => isThere(config[name])),
    ...OTHER_FIELDS.filter((name) => isThere(config.b_info[name])).map((name) => `b_info.${name}`),
    ...cpuidFromJson(config.b_info.cpuid).unknown.map((path) => `b_info.${path}`),
    ...serials
      .filter((text) => text !== undefined && parseCharacterText(text) === undefined)
      .map(() => 'b_info.type.hvm.serial'),
    ...config.usbctrls.flatMap(({ type, version }, index) =>
      type === 'devicemodel' || version === 3 ? [`usbctrls.${index}`] : [],
    ),
  ];
  return paths.map((path) => `${path}: domain XML has no form for it`);
}
