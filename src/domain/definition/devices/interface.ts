import { element, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';
import { otherBackend } from '../../backend-domain.js';
import type { GuestType } from '../../model.js';
import { readCard, type PciHostdev } from './hostdev.js';

export type InterfaceSource =
  | { readonly type: 'bridge'; readonly bridge: string }
  | { readonly type: 'network'; readonly network: string; readonly portgroup: string | undefined }
  | { readonly type: 'ethernet' };

/** `<ip>` of an interface. */
export interface InterfaceAddress {
  readonly family: 'ipv4' | 'ipv6' | undefined;
  readonly address: string;
  readonly prefix: number | undefined;
}

/** KiB per second, and KiB for bursts. */
export interface Rate {
  readonly average: number | undefined;
  readonly peak: number | undefined;
  readonly burst: number | undefined;
}

/** A tag of `<vlan>`. */
export interface Vlan {
  readonly trunk: boolean;
  readonly tags: readonly { readonly id: number; readonly nativeMode: 'tagged' | 'untagged' | undefined }[];
}

/** `<interface>`. */
export interface Interface {
  readonly kind: 'interface';
  readonly source: InterfaceSource;
  /** Lower-case with colons; undefined until defaults are set. */
  readonly mac: string | undefined;
  /** `netfront`, or a card that the device model shows to the guest. */
  readonly model: string | undefined;
  readonly script: string | undefined;
  /** Name of the host's end; a name that Xen generates (`vif3.0`) is dropped when the definition is read. */
  readonly ifname: string | undefined;
  readonly addresses: readonly InterfaceAddress[];
  readonly inbound: Rate | undefined;
  readonly outbound: Rate | undefined;
  readonly openvswitch: boolean;
  readonly vlan: Vlan | undefined;
  readonly linkUp: boolean | undefined;
  readonly mtu: number | undefined;
  readonly backendDomain: string | undefined;
}

/** Addresses of one interface. */
const MAX_ADDRESSES = 64;
const MAX_VLANS = 4095;

const MAC = /^[0-9a-f]{2}([:-]?[0-9a-f]{2}){5}$/i;
/** Generated at start from domain id and device number, and removed at stop (facts 3.1). */
const GENERATED_NAME = /^vif\d+\.\d+(-emu)?$/;

function readSource(reader: ElementReader): InterfaceSource {
  const type = reader.needChoice('type', ['bridge', 'network', 'ethernet']);
  const source = reader.child('source', (one) => {
    // A running domain's network interface contains the bridge that it got.
    one.skip('portid', 'bridge');
    return {
      bridge: one.attribute('bridge'),
      network: one.attribute('network'),
      portgroup: one.attribute('portgroup'),
    };
  });
  switch (type) {
    case 'ethernet':
      return { type };
    case 'bridge':
      if (!source?.bridge) throw reader.bad('source/@bridge', 'is missing');
      return { type, bridge: source.bridge };
    case 'network':
      if (!source?.network) throw reader.bad('source/@network', 'is missing');
      return { type, network: source.network, portgroup: source.portgroup };
  }
}

function readMac(reader: ElementReader): string | undefined {
  return reader.child('mac', (mac) => {
    const text = mac.need('address');
    if (!MAC.test(text)) throw mac.bad('@address', `${JSON.stringify(text)} is not a MAC address`);
    return text
      .replaceAll(/[:-]/g, '')
      .toLowerCase()
      .replaceAll(/(..)(?=.)/g, '$1:');
  });
}

function readRate(rate: ElementReader): Rate {
  return { average: rate.integer('average'), peak: rate.integer('peak'), burst: rate.integer('burst') };
}

/** Reads an `<interface>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readInterface(reader: ElementReader): Interface | PciHostdev {
  if (reader.attribute('type') === 'hostdev') return readCard(reader, readMac(reader));
  const bandwidth = reader.child('bandwidth', (one) => ({
    inbound: one.child('inbound', readRate),
    outbound: one.child('outbound', readRate),
  }));
  const ifname = reader.child('target', (target) => target.attribute('dev'));
  return {
    kind: 'interface',
    source: readSource(reader),
    mac: readMac(reader),
    model: reader.child('model', (model) => model.need('type')),
    script: reader.child('script', (script) => script.need('path')),
    ifname: ifname === undefined || GENERATED_NAME.test(ifname) ? undefined : ifname,
    addresses: reader.children('ip', MAX_ADDRESSES, (ip) => ({
      family: ip.choice('family', ['ipv4', 'ipv6']),
      address: ip.need('address'),
      prefix: ip.integer('prefix', 0, 128),
    })),
    inbound: bandwidth?.inbound,
    outbound: bandwidth?.outbound,
    openvswitch:
      reader.child('virtualport', (port) => {
        // The host determines the port of the switch by itself.
        port.skip('parameters');
        port.needChoice('type', ['openvswitch']);
        return true;
      }) ?? false,
    vlan: reader.child('vlan', (vlan) => ({
      trunk: vlan.yesNo('trunk') ?? false,
      tags: vlan.children('tag', MAX_VLANS, (tag) => ({
        id: tag.needInteger('id', 0, 4095),
        nativeMode: tag.choice('nativeMode', ['tagged', 'untagged']),
      })),
    })),
    linkUp: reader.child('link', (link) => link.needChoice('state', ['up', 'down']) === 'up'),
    mtu: reader.child('mtu', (mtu) => mtu.needInteger('size', 68, 65_535)),
    backendDomain: otherBackend(reader.child('backenddomain', (one) => one.need('name'))),
  };
}

/** The interface as `<interface>`. */
export function writeInterface(nic: Interface): XmlElement {
  const { source, inbound, outbound, vlan } = nic;
  const rate = (name: string, value: Rate | undefined): XmlElement[] =>
    value === undefined ? [] : [element(name, { ...value })];
  return element('interface', { type: source.type }, [
    ...(nic.mac === undefined ? [] : [element('mac', { address: nic.mac })]),
    ...(source.type === 'bridge' ? [element('source', { bridge: source.bridge })] : []),
    ...(source.type === 'network' ? [element('source', { network: source.network, portgroup: source.portgroup })] : []),
    ...(nic.backendDomain === undefined ? [] : [element('backenddomain', { name: nic.backendDomain })]),
    ...(vlan === undefined
      ? []
      : [
          element(
            'vlan',
            { trunk: vlan.trunk ? 'yes' : undefined },
            vlan.tags.map((tag) => element('tag', { ...tag })),
          ),
        ]),
    ...(nic.openvswitch ? [element('virtualport', { type: 'openvswitch' })] : []),
    ...nic.addresses.map((ip) => element('ip', { ...ip })),
    ...(nic.script === undefined ? [] : [element('script', { path: nic.script })]),
    ...(nic.ifname === undefined ? [] : [element('target', { dev: nic.ifname })]),
    ...(nic.model === undefined ? [] : [element('model', { type: nic.model })]),
    ...(inbound === undefined && outbound === undefined
      ? []
      : [element('bandwidth', {}, [...rate('inbound', inbound), ...rate('outbound', outbound)])]),
    ...(nic.mtu === undefined ? [] : [element('mtu', { size: nic.mtu })]),
    ...(nic.linkUp === undefined ? [] : [element('link', { state: nic.linkUp ? 'up' : 'down' })]),
  ]);
}

/**
 * The type of a card in libxl (S42). A card that an HVM guest gets at start is emulated as well, so that
 * firmware can boot from it; a card that is plugged in later need not be.
 */
export function nicType(guest: GuestType, model: string | undefined, when: 'start' | 'attach'): 'vif' | 'vif_ioemu' {
  if (guest !== 'hvm' || model === 'netfront') return 'vif';
  return model === undefined && when === 'attach' ? 'vif' : 'vif_ioemu';
}
