import { RefusedError } from '../errors/errors.js';

declare const brand: unique symbol;

/** The number of a guest domain on its host; never 0, which is dom0. Made only by `guestDomid`. */
export type Domid = number & { readonly [brand]: true };

/**
 * What domain 0 may be asked for: less memory than it has.
 * @throws RefusedError `E_REFUSED_DOMAIN0`
 */
export function checkDom0Target(kib: number, hasKiB: number | undefined): void {
  if (hasKiB !== undefined && Number.isSafeInteger(kib) && kib > 0 && kib < hasKiB) return;
  throw new RefusedError(
    'E_REFUSED_DOMAIN0',
    `domain 0 has ${hasKiB ?? 'an unknown amount of'} KiB: it cannot be asked to make do with ${kib} KiB`,
    {
      hint: 'It may only be asked for memory back.',
    },
  );
}

/** First reserved domid in Xen (DOMID_FIRST_RESERVED, xen/include/public/xen.h). */
const DOMID_FIRST_RESERVED = 0x7ff0;

/**
 * The only way to a `Domid`, and so the lowest gate in front of domain 0: whatever stops, moves,
 * renames or kills a domain takes a `Domid`. A failed name look-up in libxl leaves 0 behind.
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
