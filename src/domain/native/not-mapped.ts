import { RefusedError } from '../../errors/errors.js';

/**
 * The refusal of a setting that Xen's configuration cannot express: a guest without it would differ from its
 * definition.
 */
export function notMapped(what: string, hint: string): RefusedError {
  return new RefusedError('E_REFUSED_NOT_MAPPED', `${what} has no form in Xen's own configuration`, {
    hint,
    data: { what },
  });
}
