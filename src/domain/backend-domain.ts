/** Name of domain 0 as a backend in a definition. */
const DOMAIN0_NAME = 'Domain-0';
/** libxl takes a name of digits as a domain id, in 32 bits. */
const DOMID_BITS = 32;

/**
 * The domain that serves a device, if that is not domain 0 itself. libxl takes `Domain-0` and its id 0 as domain 0
 * (libxl_domain_qualifier_to_domid), so they mean the same as no name at all: leases, disk checks and statistics have
 * to apply.
 * @param name as in a definition or in libxl's JSON
 */
export function otherBackend(name: string | undefined): string | undefined {
  if (name === undefined || name === '' || name === DOMAIN0_NAME) return undefined;
  return /^\d{1,64}$/.test(name) && BigInt.asUintN(DOMID_BITS, BigInt(name)) === 0n ? undefined : name;
}
