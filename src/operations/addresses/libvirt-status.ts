import { z } from '../../errors/zod.js';
import { leaseOf, macOfDuid, type Lease } from './lease.js';

/** One lease; libvirt writes further fields, which are ignored. */
const entrySchema = z.looseObject({
  'ip-address': z.string().max(64),
  'mac-address': z.string().max(64).optional(),
  /** A DUID where the address is IPv6. */
  'client-id': z.string().max(1024).optional(),
  'expiry-time': z.number().default(0),
});
const statusSchema = z.array(z.unknown());

/**
 * The leases in a `.status` file, JSON that libvirt's helper writes whenever its dnsmasq lends an address. Entries of
 * another form are ignored; undefined if the whole is not such a list.
 */
export function readLibvirtStatus(text: string): Lease[] | undefined {
  if (text.trim() === '') return [];
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined; // the place of the syntax error does not help the user
  }
  return statusSchema.safeParse(json).data?.flatMap((one) => {
    const { data } = entrySchema.safeParse(one);
    if (data === undefined) return [];
    const clientId = data['client-id'];
    const mac = data['mac-address'] ?? (clientId === undefined ? undefined : macOfDuid(clientId));
    return leaseOf(mac, data['ip-address'], data['expiry-time']) ?? [];
  });
}
