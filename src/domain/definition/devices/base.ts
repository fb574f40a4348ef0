import { element, type XmlElement } from '../../../xml/element.js';
import type { ElementReader } from '../element-reader.js';
import { pciAttributes, readPciAddress, type PciAddress } from './pci-address.js';
import { readXlOptions, writeXlOptions, type XlOptions } from './xl-options.js';

/** Address of the device in the guest. */
export type GuestAddress =
  | ({ readonly type: 'pci' } & PciAddress)
  | {
      readonly type: 'drive';
      readonly controller: number;
      readonly bus: number;
      readonly target: number;
      readonly unit: number;
    }
  | { readonly type: 'usb'; readonly bus: number; readonly port: string };

/** Properties of every device. */
export interface DeviceBase {
  /** Its name for tools (`serial0`). */
  readonly alias: string | undefined;
  readonly guestAddress: GuestAddress | undefined;
  /** Settings of xl that domain XML lacks. */
  readonly xl?: XlOptions | undefined;
  /** Content that a lenient reading did not know, kept. */
  readonly extra: readonly XmlElement[];
}

function readAddress(reader: ElementReader): GuestAddress {
  const type = reader.needChoice('type', ['pci', 'drive', 'usb']);
  switch (type) {
    case 'pci':
      reader.skip('multifunction');
      return { type, ...readPciAddress(reader) };
    case 'drive':
      return {
        type,
        controller: reader.integer('controller', 0, 255) ?? 0,
        bus: reader.integer('bus', 0, 255) ?? 0,
        target: reader.integer('target', 0, 65_535) ?? 0,
        unit: reader.integer('unit', 0, 65_535) ?? 0,
      };
    case 'usb':
      return { type, bus: reader.integer('bus', 0, 255) ?? 0, port: reader.need('port') };
  }
}

/**
 * Reads the common properties of a device. Call it last: it takes the remaining content. @throws UsageError
 * `E_USAGE_DOMAIN_XML`
 */
export function readBase(reader: ElementReader): DeviceBase {
  return {
    alias: reader.child('alias', (alias) => alias.need('name')),
    guestAddress: reader.child('address', readAddress),
    ...readXlOptions(reader),
    extra: reader.leftovers(),
  };
}

/** The common properties of a device as elements. */
export function writeBase({ alias, guestAddress, xl, extra }: DeviceBase): XmlElement[] {
  return [
    ...(alias === undefined ? [] : [element('alias', { name: alias })]),
    ...(guestAddress === undefined ? [] : [writeAddress(guestAddress)]),
    ...writeXlOptions(xl),
    ...extra,
  ];
}

function writeAddress(address: GuestAddress): XmlElement {
  if (address.type !== 'pci') return element('address', { ...address });
  return element('address', { type: 'pci', ...pciAttributes(address) });
}
