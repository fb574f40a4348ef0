import { familyOf, leaseOf, macOfDuid, type Lease } from './lease.js';

/** Longer than any line of dnsmasq: a name of 255 characters and a client id of as many bytes. */
const MAX_LINE = 2048;

/**
 * The leases in dnsmasq's own lease file, one per line: expiry, the card's address (IPv6: a number chosen by the
 * client), the address, a name, the client id. An IPv6 lease identifies its card only if the client id is derived from
 * the card's address. Lines of another form are ignored.
 */
export function readDnsmasqLeases(text: string): Lease[] {
  return text.split('\n').flatMap((line) => {
    if (line.length > MAX_LINE) return [];
    const fields = line.trim().split(' ');
    if (fields.length !== 5) return [];
    const [expiry, card, address, , client] = fields;
    if (!/^\d{1,15}$/.test(expiry)) return [];
    // The hardware type precedes the address if it is not the default; 01 is Ethernet.
    const mac = familyOf(address) === 'ipv6' ? macOfDuid(client) : card.replace(/^01-/, '');
    return leaseOf(mac, address, Number(expiry)) ?? [];
  });
}
