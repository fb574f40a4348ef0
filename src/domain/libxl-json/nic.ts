import { otherBackend } from '../backend-domain.js';
import { plainDevice, type Device } from '../definition/devices/device.js';
import { nicType, type Interface } from '../definition/devices/interface.js';
import type { GuestType } from '../model.js';
import { notMapped } from '../native/not-mapped.js';
import { formatVifBridge, parseVifBridge } from '../native/vif-bridge.js';
import { given, type JsonObject } from './json.js';
import type { ReadOf } from './schema.js';

/* libxl_device_nic. */

/** Made at start from domain and device number. */
const GENERATED_NAME = /^vif\d+\.\d+(-emu)?$/;
/** The interval in which a vif's budget is given out, as xl and libvirt set it. */
const RATE_INTERVAL_USECS = 50_000;
const USECS = 1_000_000;
const BYTES_PER_KIB = 1024;
const OVS_SCRIPT = 'vif-openvswitch';

/**
 * @param devid its number; undefined: libxl chooses
 * @param when what a card without a model is depends on it (S42)
 * @throws RefusedError `E_REFUSED_NOT_MAPPED`
 */
export function nicToJson(
  nic: Interface,
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
  const average = nic.outbound?.average;
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
    rate_bytes_per_interval:
      average === undefined ? undefined : Math.floor((average * BYTES_PER_KIB * RATE_INTERVAL_USECS) / USECS),
    rate_interval_usecs: average === undefined ? undefined : RATE_INTERVAL_USECS,
  });
}

export function nicFromJson(nic: ReadOf<'nics'>, guest: GuestType): Device {
  const bridge = nic.bridge === undefined ? undefined : parseVifBridge(nic.bridge, nic.script);
  const { rate_bytes_per_interval: bytes, rate_interval_usecs: usecs } = nic;
  const rate = bytes > 0 && usecs > 0 ? Math.ceil((bytes * USECS) / usecs / BYTES_PER_KIB) : undefined;
  const paravirtual = guest === 'hvm' && nic.nictype === 'vif';
  return plainDevice({
    kind: 'interface',
    source: bridge === undefined ? { type: 'ethernet' } : { type: 'bridge', bridge: bridge.bridge },
    mac: nic.mac?.toLowerCase(),
    model: paravirtual ? 'netfront' : nic.model,
    script: bridge?.openvswitch === true && nic.script === OVS_SCRIPT ? undefined : nic.script,
    ifname: nic.ifname === undefined || GENERATED_NAME.test(nic.ifname) ? undefined : nic.ifname,
    addresses: (nic.ip?.split(/\s+/) ?? [])
      .filter((address) => address !== '')
      .map((address) => ({ family: address.includes(':') ? 'ipv6' : 'ipv4', address, prefix: undefined })),
    inbound: undefined,
    outbound: rate === undefined ? undefined : { average: rate, peak: undefined, burst: undefined },
    openvswitch: bridge?.openvswitch ?? false,
    vlan: bridge?.vlan,
    linkUp: undefined,
    mtu: nic.mtu === 0 ? undefined : nic.mtu,
    backendDomain: otherBackend(nic.backend_domname),
  });
}
