import { RefusedError } from '../errors/errors.js';

declare const brand: unique symbol;

/** The number of a guest domain on its host; never 0, which is dom0. Made only by `guestDomid`. */
export type Domid = number & { readonly [brand]: true };

/**
 * Checks a memory target of domain 0: it must be less than domain 0 has.
 * @throws RefusedError `E_REFUSED_DOMAIN0`
 */
export function checkDom0Target(kib: number, hasKiB: number | undefined): void {
  if (hasKiB !== undefined && Number.isSafeInteger(kib) && kib > 0 && kib < hasKiB) return;
  throw new RefusedError(
    'E_REFUSED_DOMAIN0',
    `domain 0 has ${hasKiB ?? 'an unknown amount of'} KiB: its memory cannot be set to ${kib} KiB`,
    {
      hint: 'Its memory may only be reduced.',
    },
  );
}

/** First reserved domid in Xen (DOMID_FIRST_RESERVED, xen/include/public/xen.h). */
const DOMID_FIRST_RESERVED = 0x7ff0;

/**
 * The only way to a `Domid`, and so the lowest barrier that protects domain 0: every call that stops, moves,
 * renames or kills a domain takes a `Domid`. A failed name look-up in libxl leaves 0.
 */
export function guestDomid(id: number, doing = 'used as a guest'): Domid {
  if (id === 0) {
    throw new RefusedError('E_REFUSED_DOMAIN0', `Domain-0 cannot be ${doing}`, {
      hint: 'Name a guest domain: domain 0 is the host itself.',
    });
  }
  if (!Number.isInteger(id) || id < 0 || id >= DOMID_FIRST_RESERVED) {
    throw new RefusedError('E_REFUSED_DOMID', `${String(id)} is not the id of a guest domain`);
  }
  return id as Domid;
}
