import { familyOf, leaseOf, macOfDuid, type Lease } from './lease.js';

/** dnsmasq writes less: a name of 255 characters and a client's number of as many bytes. */
const MAX_LINE = 2048;

/**
 * The leases in a file of dnsmasq's own, a line each: when it ends, the card's address (IPv6: a number of the client's choice), the
 * address, a name, the client's number. An IPv6 lease says which card it is for only where that number is made of the card's address.
 * Lines of another form are passed over.
 */
export function readDnsmasqLeases(text: string): Lease[] {
  return text.split('\n').flatMap((line) => {
    if (line.length > MAX_LINE) return [];
    const fields = line.trim().split(' ');
    if (fields.length !== 5) return [];
    const [expiry, card, address, , client] = fields;
    if (!/^\d{1,15}$/.test(expiry)) return [];
    // A kind of network stands before an address where it has to; 01 is Ethernet.
    const mac = familyOf(address) === 'ipv6' ? macOfDuid(client) : card.replace(/^01-/, '');
    return leaseOf(mac, address, Number(expiry)) ?? [];
  });
}
