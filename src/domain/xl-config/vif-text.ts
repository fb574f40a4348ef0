import { given, type Json, type JsonObject } from '../libxl-json/json.js';
import type { ReadOf } from '../libxl-json/schema.js';
import type { GuestType } from '../model.js';
import { notMapped } from '../native/not-mapped.js';
import { cInteger, octalTrouble } from '../native/c-numbers.js';
import { decimalOf, oneOf, pairsOf, type Placed } from './settings.js';
import { badConfig } from './syntax.js';

/* A network card in the form of xl-network-configuration(5): `mac=…,bridge=…`. */

const RATE = /^(\d{1,20})([GMK]?)([Bb])\/s(?:@(\d{1,20})([mu]?s?))?$/;
const SCALE: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };
const DEFAULT_INTERVAL_USECS = 50_000;
const MAX_UINT32 = 0xffff_ffff;
const SECOND = 1e6;

/** The number in a rate or interval, parsed as by `strtoull` with base 0; libxlu uses 32 bits of it. */
function count({ text, at }: Placed, digits: string, what: string): number {
  const value = cInteger(digits);
  if (value === undefined)
    throw badConfig(at, `vif: ${what} ${JSON.stringify(text)}: ${octalTrouble(digits) ?? 'too large'}`);
  if (value < 1 || value > MAX_UINT32) {
    throw badConfig(at, `vif: ${what} ${JSON.stringify(text)}: ${digits} is not from 1 to ${MAX_UINT32}`);
  }
  return value;
}

function intervalUsecs(spec: Placed, digits: string | undefined, unit: string): number {
  if (digits === undefined) return DEFAULT_INTERVAL_USECS;
  const usecs = count(spec, digits, 'interval of') * (unit.startsWith('u') ? 1 : unit.startsWith('m') ? 1e3 : SECOND);
  if (usecs > MAX_UINT32) throw badConfig(spec.at, `vif: the interval of ${JSON.stringify(spec.text)} is too long`);
  return usecs;
}

/** `10Mb/s@20ms`: bits if the b is lower-case. libxlu_vif.c, with its limits. */
function parseRate(spec: Placed): JsonObject {
  const match = RATE.exec(spec.text);
  if (match === null) {
    throw badConfig(spec.at, `vif: rate ${JSON.stringify(spec.text)} is not like 10Mb/s or 1000KB/s@20ms`);
  }
  const scaled = BigInt(count(spec, match[1], 'rate')) * BigInt(SCALE[match[2]]);
  const perSecond = match[3] === 'b' ? scaled / 8n : scaled;
  const usecs = intervalUsecs(spec, match.at(4), match.at(5) ?? '');
  const product = perSecond * BigInt(usecs);
  const bytes = Number(product / BigInt(SECOND));
  if (product >= 2n ** 64n || !Number.isSafeInteger(bytes)) {
    throw badConfig(spec.at, `vif: rate ${JSON.stringify(spec.text)} is too large`);
  }
  if (bytes < 1) throw badConfig(spec.at, `vif: rate ${JSON.stringify(spec.text)} is less than a byte in its interval`);
  return { rate_bytes_per_interval: bytes, rate_interval_usecs: usecs };
}

/** Forms of a MAC address that xl accepts: octets with colons, of one or two digits. */
function parseMac({ text, at }: Placed): string {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text))
    throw badConfig(at, `vif: ${JSON.stringify(text)} is not a MAC address`);
  return text
    .toLowerCase()
    .split(':')
    .map((octet) => octet.padStart(2, '0'))
    .join(':');
}

/** libxl refuses an emulated card outside of an HVM guest, and ignores the model of a paravirtual one. */
function checkKind(fields: Record<string, Json | undefined>, guest: GuestType, warn: (text: string) => void): void {
  if (guest === 'hvm') return;
  if (fields.nictype === 'vif_ioemu')
    warn(`vif: type=ioemu has no meaning for a ${guest.toUpperCase()} guest; its card is paravirtual`);
  if (typeof fields.model === 'string') {
    warn(`vif: model=${fields.model} has no meaning for a ${guest.toUpperCase()} guest; its card is paravirtual`);
  }
  fields.nictype = 'vif';
  fields.model = undefined;
}

/**
 * libxl_device_nic of a card's text.
 * @param warn called for parameters that are left out
 * @throws UsageError `E_USAGE_XL_CONFIG`
 */
export function parseVifText(spec: Placed, devid: number, guest: GuestType, warn: (text: string) => void): JsonObject {
  const fields: Record<string, Json | undefined> = { devid };
  for (const [key, value] of pairsOf(spec)) {
    switch (key) {
      case 'type':
        fields.nictype = oneOf(value, 'vif: type', ['ioemu', 'vif', 'netfront']) === 'ioemu' ? 'vif_ioemu' : 'vif';
        break;
      case 'mac':
        fields.mac = parseMac(value);
        break;
      case 'vifname':
        fields.ifname = value.text;
        break;
      case 'backend':
        fields.backend_domname = value.text;
        break;
      case 'mtu':
        fields.mtu = decimalOf(value, 'vif: mtu', 68, 65_535);
        break;
      case 'devid':
        fields.devid = decimalOf(value, 'vif: devid', 0, 65_535);
        break;
      case 'rate':
        Object.assign(fields, parseRate(value));
        break;
      case 'trusted':
      case 'untrusted':
        fields.trusted = key === 'trusted' ? 'True' : 'False';
        break;
      case 'netdev':
        fields.gatewaydev = value.text;
        break;
      case 'bridge':
      case 'script':
      case 'ip':
      case 'model':
      case 'gatewaydev':
      case 'vlan':
        fields[key] = value.text;
        break;
      default:
        warn(`vif: ${key} is not carried over: ${NOT_CARRIED.find(([names]) => names.test(key))?.[1] ?? UNKNOWN}`);
    }
  }
  checkKind(fields, guest, warn);
  return given({ ...fields, nictype: fields.nictype ?? 'vif_ioemu' });
}

const UNKNOWN = 'it is not a parameter of xl';
const NOT_CARRIED: readonly (readonly [RegExp, string])[] = [
  [/^(?:colo_|forwarddev$)/, 'it belongs to COLO replication, which xenferry does not support'],
  [/^accel$/, 'xl ignores it as well'],
];

/** The rate in the smallest unit that xl can parse: its number has 32 bits. */
function formatRate(bytes: number, usecs: number): string {
  const perSecond = Math.ceil((bytes * SECOND) / usecs);
  const unit = perSecond <= MAX_UINT32 ? '' : perSecond / 1e3 <= MAX_UINT32 ? 'K' : 'M';
  const interval = usecs === DEFAULT_INTERVAL_USECS ? '' : `@${usecs}us`;
  return `${Math.ceil(perSecond / SCALE[unit])}${unit}B/s${interval}`;
}

/**
 * @param devid its index in the list, which is its number unless another one is set
 * @param dialect in xm a paravirtual card is `netfront`
 * @throws RefusedError `E_REFUSED_NOT_MAPPED`
 */
export function formatVifText(nic: ReadOf<'nics'>, devid: number, guest: GuestType, dialect: 'xl' | 'xm'): string {
  const { rate_bytes_per_interval: bytes, rate_interval_usecs: usecs } = nic;
  const rate = bytes === 0 || usecs === 0 ? undefined : formatRate(bytes, usecs);
  const paravirtual = guest === 'hvm' && nic.nictype === 'vif';
  const pairs: readonly (readonly [string, string | undefined])[] = [
    ['mac', nic.mac],
    ['bridge', nic.bridge],
    ['type', paravirtual ? (dialect === 'xm' ? 'netfront' : 'vif') : undefined],
    ['model', nic.model],
    ['script', nic.script],
    ['ip', nic.ip],
    ['vifname', nic.ifname],
    ['backend', nic.backend_domname],
    ['mtu', nic.mtu === 0 ? undefined : String(nic.mtu)],
    ['rate', rate],
    ['gatewaydev', nic.gatewaydev],
    ['vlan', nic.vlan],
    ['devid', nic.devid === devid || nic.devid < 0 ? undefined : String(nic.devid)],
  ];
  const words = [
    ...pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])),
    ...(nic.trusted === undefined ? [] : [nic.trusted ? 'trusted' : 'untrusted']),
  ];
  const comma = words.find((word) => word.includes(','));
  if (comma !== undefined) throw notMapped(`the comma in ${JSON.stringify(comma)}`, 'Rename it.');
  return words.join(',');
}
