import { element, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';
import { hex, pciAttributes, readPciAddress, type PciAddress } from './pci-address.js';

export type UsbIdentity =
  | { readonly by: 'address'; readonly bus: number; readonly device: number }
  /** The one device of that kind on the host, found at start. */
  | { readonly by: 'product'; readonly vendor: number; readonly product: number };

/** `<hostdev type='pci'>`. */
export interface PciHostdev {
  readonly kind: 'hostdev';
  readonly type: 'pci';
  readonly address: PciAddress;
  /** Whether xenferry unbinds the device from the host's driver and rebinds it. */
  readonly managed: boolean;
  /** `no` lets the guest write all of the device's configuration space (L16). */
  readonly writeFiltering: boolean | undefined;
  /** Present if it is written as `<interface type='hostdev'>`: a network card of the host, and its intended address. */
  readonly card?: { readonly mac: string | undefined } | undefined;
}

/** `<hostdev type='usb'>`. */
export interface UsbHostdev {
  readonly kind: 'hostdev';
  readonly type: 'usb';
  readonly identity: UsbIdentity;
  readonly managed: boolean;
}

export type Hostdev = PciHostdev | UsbHostdev;

function readUsb(source: ElementReader): UsbIdentity {
  const address = source.child('address', (one) => ({
    bus: one.needInteger('bus', 1, 255),
    device: one.needInteger('device', 1, 127),
  }));
  const vendor = source.child('vendor', (one) => one.needInteger('id', 0, 0xffff));
  const product = source.child('product', (one) => one.needInteger('id', 0, 0xffff));
  if (address !== undefined) return { by: 'address', ...address };
  if (vendor === undefined || product === undefined) {
    throw source.bad('', 'needs an <address>, or a <vendor> and a <product>');
  }
  return { by: 'product', vendor, product };
}

/** Reads a `<hostdev>`. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readHostdev(reader: ElementReader): Hostdev {
  reader.choice('mode', ['subsystem']);
  const type = reader.needChoice('type', ['pci', 'usb']);
  const managed = reader.yesNo('managed') ?? false;
  reader.child('driver', (driver) => driver.needChoice('name', ['xen']));
  const hostdev = reader.child('source', (source): Hostdev => {
    if (type === 'usb') return { kind: 'hostdev', type, identity: readUsb(source), managed };
    const writeFiltering = source.yesNo('writeFiltering');
    const address = source.child('address', readPciAddress);
    if (address === undefined) throw source.bad('address', 'is missing');
    return { kind: 'hostdev', type, address, managed, writeFiltering };
  });
  if (hostdev === undefined) throw reader.bad('source', 'is missing');
  return hostdev;
}

/** The device as `<hostdev>`, or as `<interface type='hostdev'>` for a network card. */
export function writeHostdev(hostdev: Hostdev): XmlElement {
  if (hostdev.type === 'pci' && hostdev.card !== undefined) return writeCard(hostdev, hostdev.card.mac);
  return element('hostdev', { mode: 'subsystem', type: hostdev.type, managed: hostdev.managed ? 'yes' : 'no' }, [
    hostdev.type === 'pci' ? pciSource(hostdev) : usbSource(hostdev.identity),
  ]);
}

/**
 * Reads a network card of the host, written as `<interface type='hostdev'>`. @throws UsageError `E_USAGE_DOMAIN_XML`
 */
export function readCard(reader: ElementReader, mac: string | undefined): PciHostdev {
  reader.choice('type', ['hostdev']);
  reader.child('driver', (driver) => driver.choice('name', ['xen']));
  const managed = reader.yesNo('managed') ?? false;
  const address = reader.child('source', (source) =>
    source.child('address', (one) => {
      one.choice('type', ['pci']);
      return readPciAddress(one);
    }),
  );
  if (address === undefined) throw reader.bad('source/address', 'is missing');
  return { kind: 'hostdev', type: 'pci', address, managed, writeFiltering: undefined, card: { mac } };
}

function writeCard({ address, managed }: PciHostdev, mac: string | undefined): XmlElement {
  return element('interface', { type: 'hostdev', managed: managed ? 'yes' : 'no' }, [
    ...(mac === undefined ? [] : [element('mac', { address: mac })]),
    element('source', {}, [element('address', { type: 'pci', ...pciAttributes(address) })]),
  ]);
}

function pciSource({ address, writeFiltering }: PciHostdev): XmlElement {
  return element(
    'source',
    { writeFiltering: writeFiltering === undefined ? undefined : writeFiltering ? 'yes' : 'no' },
    [element('address', pciAttributes(address))],
  );
}

function usbSource(identity: UsbIdentity): XmlElement {
  return element(
    'source',
    {},
    identity.by === 'address'
      ? [element('address', { bus: identity.bus, device: identity.device })]
      : [element('vendor', { id: hex(identity.vendor, 4) }), element('product', { id: hex(identity.product, 4) })],
  );
}
