import { otherBackend } from '../backend-domain.js';
import { plainDevice, type Device } from '../definition/devices/device.js';
import { nicType, type Interface } from '../definition/devices/interface.js';
import type { GuestType } from '../model.js';
import { notMapped } from '../native/not-mapped.js';
import { formatVifBridge, parseVifBridge } from '../native/vif-bridge.js';
import { optionsFromJson, optionsToJson } from './device-options.js';
import { given, type Json, type JsonObject } from './json.js';
import type { ReadOf } from './schema.js';

/* libxl_device_nic. */

/** Generated at start from domain and device number. */
const GENERATED_NAME = /^vif\d+\.\d+(-emu)?$/;
/** The interval of a vif's budget, as set by xl and libvirt. */
const RATE_INTERVAL_USECS = 50_000;
const USECS = 1_000_000;
const BYTES_PER_KIB = 1024;
const OVS_SCRIPT = 'vif-openvswitch';

/**
 * @param devid its number; undefined: libxl chooses
 * @param when determines the type of a card without a model (S42)
 * @throws RefusedError `E_REFUSED_NOT_MAPPED`
 */
export function nicToJson(
  nic: Interface & Pick<Device, 'xl'>,
  devid: number | undefined,
  guest: GuestType,
  when: 'start' | 'attach' = 'start',
): JsonObject {
  const { source } = nic;
  if (source.type === 'network') {
    throw notMapped(
      `the virtual network '${source.network}'`,
      "Name the network's bridge: <interface type='bridge'> with <source bridge='…'/>.",
    );
  }
  if (nic.inbound !== undefined || nic.outbound?.peak !== undefined || nic.outbound?.burst !== undefined) {
    throw notMapped(
      '<bandwidth> other than the outbound average of an interface',
      "Keep <outbound average='…'/> alone, or limit the rate on the host.",
    );
  }
  const { rate_bytes_per_interval: bytes, rate_interval_usecs: usecs, ...options } = optionsToJson('nic', nic.xl);
  return given({
    backend_domname: nic.backendDomain,
    devid,
    mtu: nic.mtu,
    model: nic.model === 'netfront' ? undefined : nic.model,
    mac: nic.mac,
    ip: nic.addresses.length === 0 ? undefined : nic.addresses.map(({ address }) => address).join(' '),
    bridge: source.type === 'bridge' ? formatVifBridge(source.bridge, nic) : undefined,
    ifname: nic.ifname,
    script: nic.script ?? (nic.openvswitch ? OVS_SCRIPT : undefined),
    nictype: nicType(guest, nic.model, when),
    ...rateToJson(nic.outbound?.average, bytes, usecs),
    ...options,
  });
}

/**
 * The budget of a card in each interval. A file or a host can be more precise than KiB per second and 50 ms: its values
 * are kept, and used as long as the definition has the average that was computed from them.
 */
function rateToJson(average: number | undefined, bytes: Json | undefined, usecs: Json | undefined): JsonObject {
  if (average === undefined) return {};
  const exact = { rate_bytes_per_interval: Number(bytes ?? 0), rate_interval_usecs: Number(usecs ?? 0) };
  return averageOf(exact) === average ? exact : rateOf(average);
}

interface NicRate {
  readonly rate_bytes_per_interval: number;
  readonly rate_interval_usecs: number;
}

const rateOf = (average: number): NicRate & JsonObject => ({
  rate_bytes_per_interval: Math.floor((average * BYTES_PER_KIB * RATE_INTERVAL_USECS) / USECS),
  rate_interval_usecs: RATE_INTERVAL_USECS,
});

/** KiB per second, rounded up. */
function averageOf({ rate_bytes_per_interval: bytes, rate_interval_usecs: usecs }: NicRate): number | undefined {
  return bytes > 0 && usecs > 0 ? Math.ceil((bytes * USECS) / usecs / BYTES_PER_KIB) : undefined;
}

/** Settings kept in addition to the definition: the rate only if its average is not exact. */
function carriedOf(nic: ReadOf<'nics'>, average: number | undefined): Pick<Device, 'xl'> {
  const { xl } = optionsFromJson('nic', nic);
  const said = average === undefined ? undefined : rateOf(average);
  const isSame =
    said?.rate_bytes_per_interval === nic.rate_bytes_per_interval &&
    said.rate_interval_usecs === nic.rate_interval_usecs;
  if (xl === undefined || (average !== undefined && !isSame)) return xl === undefined ? {} : { xl };
  const { rate_bytes_per_interval: _, rate_interval_usecs: __, ...others } = xl;
  return Object.keys(others).length === 0 ? {} : { xl: others };
}

/** The network card of a libxl_device_nic. */
export function nicFromJson(nic: ReadOf<'nics'>, guest: GuestType): Device {
  const bridge = nic.bridge === undefined ? undefined : parseVifBridge(nic.bridge, nic.script);
  const average = averageOf(nic);
  const paravirtual = guest === 'hvm' && nic.nictype === 'vif';
  const body = plainDevice({
    kind: 'interface' as const,
    source: bridge === undefined ? { type: 'ethernet' as const } : { type: 'bridge' as const, bridge: bridge.bridge },
    mac: nic.mac?.toLowerCase(),
    // libxl ignores it for other than HVM guests.
    model: guest !== 'hvm' ? undefined : paravirtual ? 'netfront' : nic.model,
    script: bridge?.openvswitch === true && nic.script === OVS_SCRIPT ? undefined : nic.script,
    ifname: nic.ifname === undefined || GENERATED_NAME.test(nic.ifname) ? undefined : nic.ifname,
    addresses: (nic.ip?.split(/\s+/) ?? [])
      .filter((address) => address !== '')
      .map((address) => ({
        family: address.includes(':') ? ('ipv6' as const) : ('ipv4' as const),
        address,
        prefix: undefined,
      })),
    inbound: undefined,
    outbound: average === undefined ? undefined : { average, peak: undefined, burst: undefined },
    openvswitch: bridge?.openvswitch ?? false,
    vlan: bridge?.vlan,
    linkUp: undefined,
    mtu: nic.mtu === 0 ? undefined : nic.mtu,
    backendDomain: otherBackend(nic.backend_domname),
  });
  return { ...body, ...carriedOf(nic, average) };
}
