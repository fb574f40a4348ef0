import type { ElementReader } from '../element-reader.js';

/** Domain, bus, device and function. */
export interface PciAddress {
  readonly domain: number;
  readonly bus: number;
  readonly slot: number;
  readonly function: number;
}

/** A hexadecimal number with `0x`, as in libvirt's addresses and ids. */
export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** Reads a PCI address from attributes; absent fields are 0. @throws UsageError `E_USAGE_DOMAIN_XML` */
export function readPciAddress(reader: ElementReader): PciAddress {
  return {
    domain: reader.integer('domain', 0, 0xffff) ?? 0,
    bus: reader.integer('bus', 0, 0xff) ?? 0,
    slot: reader.integer('slot', 0, 0x1f) ?? 0,
    function: reader.integer('function', 0, 7) ?? 0,
  };
}

/** The address as attributes. */
export function pciAttributes(address: PciAddress): Record<string, string> {
  return {
    domain: hex(address.domain, 4),
    bus: hex(address.bus, 2),
    slot: hex(address.slot, 2),
    function: hex(address.function, 1),
  };
}
