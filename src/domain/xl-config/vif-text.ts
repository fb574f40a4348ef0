import { given, type JsonObject } from '../libxl-json/json.js';
import type { ReadOf } from '../libxl-json/schema.js';
import type { GuestType } from '../model.js';
import { notMapped } from '../native/not-mapped.js';
import { numberOf, oneOf, pairsOf, type Placed } from './settings.js';
import { badConfig } from './syntax.js';

/* A network card as xl-network-configuration(5) has it: `mac=…,bridge=…`. */

const RATE = /^(\d{1,10})([GMK]?)([Bb])\/s(?:@(\d{1,10})(us|ms|s)?)?$/;
const SCALE: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };
const USECS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };
const DEFAULT_INTERVAL_USECS = 50_000;
const MAX_INTERVAL_USECS = 0xffff_ffff;
const SECOND = 1e6;

/** `10Mb/s@20ms`: bits where the b is small. */
function parseRate({ text, at }: Placed): JsonObject {
  const match = RATE.exec(text);
  if (match === null) throw badConfig(at, `vif: rate ${JSON.stringify(text)} is not like 10Mb/s or 1000KB/s@20ms`);
  const perSecond = Math.floor((Number(match[1]) * SCALE[match[2]]) / (match[3] === 'b' ? 8 : 1));
  const interval = match.at(4);
  const usecs = interval === undefined ? DEFAULT_INTERVAL_USECS : Number(interval) * USECS[match.at(5) ?? 's'];
  const bytes = Math.floor((perSecond * usecs) / SECOND);
  if (bytes < 1 || usecs > MAX_INTERVAL_USECS || bytes > Number.MAX_SAFE_INTEGER) {
    throw badConfig(at, `vif: rate ${JSON.stringify(text)} is too small or too large`);
  }
  return { rate_bytes_per_interval: bytes, rate_interval_usecs: usecs };
}

/** Forms of a MAC that xl takes: octets with colons, of one or two digits. */
function parseMac({ text, at }: Placed): string {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) throw badConfig(at, `vif: ${JSON.stringify(text)} is no MAC`);
  return text
    .toLowerCase()
    .split(':')
    .map((octet) => octet.padStart(2, '0'))
    .join(':');
}

/** libxl_device_nic of a card's text. @throws UsageError `E_USAGE_XL_CONFIG` */
export function parseVifText(spec: Placed, devid: number, guest: GuestType): JsonObject {
  const fields: Record<string, JsonObject[string] | undefined> = { devid };
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
        fields.mtu = numberOf(value, 'vif: mtu', 68, 65_535);
        break;
      case 'rate':
        Object.assign(fields, parseRate(value));
        break;
      case 'bridge':
      case 'script':
      case 'ip':
      case 'model':
        fields[key] = value.text;
        break;
      default:
        throw badConfig(spec.at, `vif: ${key} is not carried over by xenferry`);
    }
  }
  return given({ ...fields, nictype: fields.nictype ?? (guest === 'hvm' ? 'vif_ioemu' : 'vif') });
}

/** @param dialect xm calls a paravirtual card `netfront`. @throws RefusedError `E_REFUSED_NOT_MAPPED` */
export function formatVifText(nic: ReadOf<'nics'>, guest: GuestType, dialect: 'xl' | 'xm'): string {
  const { rate_bytes_per_interval: bytes, rate_interval_usecs: usecs } = nic;
  const rate =
    bytes === 0 || usecs === 0
      ? undefined
      : `${Math.ceil((bytes * SECOND) / usecs)}B/s${usecs === DEFAULT_INTERVAL_USECS ? '' : `@${usecs}us`}`;
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
  ];
  const words = pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  const comma = words.find((word) => word.includes(','));
  if (comma !== undefined) throw notMapped(`the comma in ${JSON.stringify(comma)}`, 'Rename it.');
  return words.join(',');
}
