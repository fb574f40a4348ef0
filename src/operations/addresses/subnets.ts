import { BlockList } from 'node:net';
import type { Lease } from './lease.js';

/** A network that a bridge of the host is in. */
export interface Subnet {
  readonly family: Lease['family'];
  readonly network: string;
  readonly prefix: number;
}

/**
 * From /proc/net/route, the IPv4 networks that are reached over a bridge without a gateway. Numbers are 32 bits in
 * hexadecimal, in the processor's memory order, little-endian here.
 */
export function ipv4Subnets(text: string, bridge: string): Subnet[] {
  return text.split('\n').flatMap((line): Subnet[] => {
    const [name, destination, gateway, , , , , mask] = line.trim().split(/\s+/);
    if (name !== bridge || gateway !== '00000000' || !isHex(destination, 8) || !isHex(mask, 8)) return [];
    const prefix = ones(octets(mask));
    return prefix === 0 ? [] : [{ family: 'ipv4', network: octets(destination).join('.'), prefix }];
  });
}

/**
 * From /proc/net/if_inet6, the networks of a bridge's own IPv6 addresses: address, index, length of the prefix, scope,
 * flags, name.
 */
export function ipv6Subnets(text: string, bridge: string): Subnet[] {
  return text.split('\n').flatMap((line): Subnet[] => {
    const [address, , length, , , name] = line.trim().split(/\s+/);
    if (name !== bridge || !isHex(address, 32) || !isHex(length, 2)) return [];
    const prefix = Number.parseInt(length, 16);
    if (prefix === 0 || prefix > 128) return [];
    return [{ family: 'ipv6', network: address.replaceAll(/(.{4})(?=.)/g, '$1:'), prefix }];
  });
}

/** The length of the prefix of the smallest network that contains the address; undefined if none does. */
export function prefixOf(
  { family, address }: Pick<Lease, 'family' | 'address'>,
  subnets: readonly Subnet[],
): number | undefined {
  const lengths = subnets
    .filter((subnet) => {
      if (subnet.family !== family) return false;
      const one = new BlockList();
      one.addSubnet(subnet.network, subnet.prefix, family);
      return one.check(address, family);
    })
    .map(({ prefix }) => prefix);
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

function isHex(text: string | undefined, digits: number): text is string {
  return text?.length === digits && /^[0-9A-Fa-f]+$/.test(text);
}

/** Bytes of a number in memory, the first one first. */
function octets(hex: string): number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function ones(bytes: readonly number[]): number {
  return bytes.map((byte) => byte.toString(2).replaceAll('0', '').length).reduce((sum, count) => sum + count, 0);
}
