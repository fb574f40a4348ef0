import { isIP } from 'node:net';

/** An address that a DHCP server has lent. */
export interface Lease {
  /** Address of the card, lower-case with colons. */
  readonly mac: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  /** Seconds since 1970; 0: for ever. */
  readonly expiresAt: number;
}

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
/**
 * A client's own number (RFC 8415, 11.2 and 11.4) that is derived from a card's Ethernet address, with a time or
 * without.
 */
const DUID = /^(?:00:01:00:01(?::[0-9a-f]{2}){4}|00:03:00:01):([0-9a-f]{2}(?::[0-9a-f]{2}){5})$/;

/** A lease from another program's fields, checked; undefined if it is not a lease of an Ethernet card. */
export function leaseOf(mac: string | undefined, address: string, expiresAt: number): Lease | undefined {
  const card = mac?.toLowerCase();
  const family = familyOf(address);
  if (card === undefined || !MAC.test(card) || family === undefined) return undefined;
  if (!Number.isSafeInteger(expiresAt) || expiresAt < 0) return undefined;
  return { mac: card, family, address, expiresAt };
}

/** Undefined for an invalid address, and for one that is valid on one link only (`fe80::1%eth0`). */
export function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = address.includes('%') ? 0 : isIP(address);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined;
}

/** The address of the card in a client's DUID; undefined if the DUID is derived from something else. */
export function macOfDuid(duid: string): string | undefined {
  return DUID.exec(duid.toLowerCase())?.[1];
}
