import type { Host } from '../../host/host.js';
import { cardNamed, cardsOf, type Card } from '../statistics/cards.js';
import { runningGuest } from '../statistics/running-guest.js';
import { bridgeOf } from './bridge-of.js';
import { leasesOn, type BridgeLeases } from './bridge-leases.js';
import type { Lease } from './lease.js';
import { prefixOf } from './subnets.js';

/** One address that a DHCP server has lent to a card. */
export interface LentAddress {
  readonly family: Lease['family'];
  readonly address: string;
  /** Prefix length of its network; undefined if the host itself is not in that network. */
  readonly prefix: number | undefined;
}

/** The lent addresses of one card. */
export interface InterfaceAddresses {
  /** Name of the host's end. */
  readonly ifname: string;
  readonly mac: string;
  readonly addresses: readonly LentAddress[];
}

/** What is asked, and at what time. */
export interface AddressesRequest {
  /** One card, by the name of the host's end or by its address; undefined: all. */
  readonly interface?: string | undefined;
  /** Seconds since 1970. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/** Lent addresses, and the cards about which nothing is known. */
export interface AddressesFound {
  /** Cards with a lent address, in the definition's order. */
  readonly interfaces: readonly InterfaceAddresses[];
  /** Reasons why a card's addresses are unknown, as sentences. */
  readonly notes: readonly string[];
}

/**
 * The addresses that DHCP servers of this host have lent to the cards of a running domain, by the cards' own addresses
 * (S05). Leases of a server elsewhere, and addresses that the guest configured itself, are unknown here.
 * @throws as `runningGuest`; UsageError `E_USAGE_INTERFACE`; SystemError `E_SYSTEM_DHCP_LEASES`, naming the file
 */
export async function interfaceAddresses(host: Host, ref: string, request: AddressesRequest): Promise<AddressesFound> {
  const { now, signal } = request;
  const guest = await runningGuest(host, ref, signal);
  const cards = cardsOf(guest);
  const chosen = request.interface === undefined ? cards : [cardNamed(cards, request.interface, guest.info.name)];
  const read = new Map<string, BridgeLeases>();
  const interfaces: InterfaceAddresses[] = [];
  const notes: string[] = [];
  for (const card of chosen) {
    const ifname = nameOf(card, request.interface);
    const { mac } = card.nic;
    if (mac === undefined) continue;
    const where = await bridgeOf(card.nic, host.toolstack.hostFiles, signal);
    if ('why' in where) {
      notes.push(`${ifname}: ${where.why}`);
      continue;
    }
    const on = read.get(where.bridge) ?? (await leasesOn(where.bridge, host.toolstack, signal));
    read.set(where.bridge, on);
    if (on.found.length === 0) {
      const files = on.lookedFor.join(' and no ');
      notes.push(`${ifname}: no DHCP server of this host is known for bridge ${where.bridge}: there is no ${files}`);
    }
    const addresses = lentTo(mac, on, now);
    if (addresses.length > 0) interfaces.push({ ifname, mac, addresses });
  }
  return { interfaces, notes };
}

/** The name of the device model's end, if that was asked for. */
function nameOf({ names }: Card, wanted: string | undefined): string {
  return names.find((name) => name === wanted) ?? names[0];
}

/** Each address once, however many files contain it. */
function lentTo(mac: string, { leases, subnets }: BridgeLeases, now: number): LentAddress[] {
  const mine = leases.filter((lease) => lease.mac === mac && (lease.expiresAt === 0 || lease.expiresAt > now));
  const once = new Map(mine.map((lease) => [lease.address, lease]));
  return [...once.values()].map(({ family, address }) => ({
    family,
    address,
    prefix: prefixOf({ family, address }, subnets),
  }));
}
