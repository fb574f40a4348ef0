import type { Json, JsonObject } from '../libxl-json/json.js';
import { decimalInteger } from '../native/c-numbers.js';
import { oneOf, type Placed } from './settings.js';
import { badConfig } from './syntax.js';

/* A PCI device in the form of xl-pci-configuration(5) and libxlu_pci.c: `[DDDD:]BB:DD.F[@SLOT][,key=value…]`. */

/** `LIBXL_PCI_FUNC_ALL`: all functions of the device. */
export const ALL_FUNCTIONS = 0xffff_ffff;
export const RDM_POLICIES = ['strict', 'relaxed'] as const;

const BDF = /^(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,8}):([0-9a-f]{1,8})\.(\*|[0-9a-f]{1,8})(?:@([0-9a-f]{1,8}))?$/i;
const SLOT = /^[0-9a-f]{1,8}$/i;
const MAX_SLOT = 0x1f;
const FLAGS = ['permissive', 'msitranslate', 'seize', 'power_mgmt'] as const;

function bad(spec: Placed, why: string): never {
  throw badConfig(spec.at, `pci: ${why}`);
}

/** Parses an address; undefined if the text has another form. */
function address(spec: Placed, text: string): Record<string, Json> | undefined {
  const match = BDF.exec(text);
  if (match === null) return undefined;
  const [, domain = '0', bus, dev, func, slot] = match as (string | undefined)[];
  const number = (hex: string | undefined, max: number): number => {
    const value = Number.parseInt(hex ?? '', 16);
    return value <= max ? value : bad(spec, `${JSON.stringify(text)} names no device, for ${hex ?? ''} is too large`);
  };
  return {
    domain: number(domain, 0xffff),
    bus: number(bus, 0xff),
    dev: number(dev, MAX_SLOT),
    func: func === '*' ? 0 : number(func, 7),
    ...(func === '*' ? { vfunc_mask: ALL_FUNCTIONS } : {}),
    ...(slot === undefined ? {} : { vdevfn: slotOf(spec, slot) }),
  };
}

/** The slot in the guest as libxl's number of device and function. */
function slotOf(spec: Placed, text: string): number {
  const slot = SLOT.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  return slot <= MAX_SLOT ? slot << 3 : bad(spec, `${JSON.stringify(text)} is not a slot from 0 to 1f`);
}

function flag(spec: Placed, key: string, text: string): boolean {
  const value = decimalInteger(text);
  return value === undefined ? bad(spec, `${key}: ${JSON.stringify(text)} is not 0 or 1`) : value !== 0;
}

/** libxl_device_pci of a device's text. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parsePciText(spec: Placed): JsonObject {
  const [first, ...rest] = spec.text.split(',').map((part) => part.trim());
  const positional = address(spec, first);
  let fields: Record<string, Json> = positional ?? {};
  for (const part of positional === undefined ? [first, ...rest] : rest) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 0) bad(spec, `${JSON.stringify(part)} is not like 0000:05:00.1`);
    const [key, value] = [part.slice(0, equals), part.slice(equals + 1)];
    const named = FLAGS.find((one) => one === key);
    if (named !== undefined) fields[named] = flag(spec, key, value);
    else if (key === 'bdf') {
      const found = value.includes('@') ? undefined : address(spec, value);
      fields = { ...fields, ...(found ?? bad(spec, `${JSON.stringify(value)} is not like 0000:05:00.1`)) };
    } else if (key === 'vslot') fields.vdevfn = slotOf(spec, value);
    else if (key === 'rdm_policy')
      fields.rdm_policy = oneOf({ text: value, at: spec.at }, 'pci: rdm_policy', RDM_POLICIES);
    else if (key === 'name') {
      throw badConfig(
        spec.at,
        `pci: name=${value} is a name that one host gave to a device, and a definition needs the device's address`,
        'Write the address in its place, such as 0000:05:00.0; `xl pci-assignable-list -n` shows it on that host.',
      );
    } else bad(spec, `${key} is not an option of xl`);
  }
  if (!Object.hasOwn(fields, 'bus')) bad(spec, 'the address of the device is missing');
  return fields;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** The fields of a libxl_device_pci that the text needs. */
export interface PciFields {
  readonly domain: number;
  readonly bus: number;
  readonly dev: number;
  readonly func: number;
  readonly permissive: boolean;
  readonly seize: boolean;
  readonly msitranslate: boolean;
  readonly power_mgmt: boolean;
  readonly rdm_policy?: (typeof RDM_POLICIES)[number] | 'invalid' | undefined;
  readonly vdevfn: number;
  readonly vfunc_mask?: number | undefined;
}

/** The inverse of `parsePciText`. */
export function formatPciText(pci: PciFields): string {
  const func = pci.vfunc_mask === ALL_FUNCTIONS ? '*' : String(pci.func);
  const slot = pci.vdevfn === 0 ? '' : `@${(pci.vdevfn >> 3).toString(16)}`;
  const words = FLAGS.filter((key) => pci[key]).map((key) => `${key}=1`);
  const policy = pci.rdm_policy === undefined || pci.rdm_policy === 'invalid' ? [] : [`rdm_policy=${pci.rdm_policy}`];
  const place = `${hex(pci.domain, 4)}:${hex(pci.bus, 2)}:${hex(pci.dev, 2)}.${func}${slot}`;
  return [place, ...words, ...policy].join(',');
}
