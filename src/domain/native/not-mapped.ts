import { RefusedError } from '../../errors/errors.js';

/** Making a guest without something that its definition asks for would be worse than not making it. */
export function notMapped(what: string, hint: string): RefusedError {
  return new RefusedError('E_REFUSED_NOT_MAPPED', `${what} has no form in Xen's own configuration`, {
    hint,
    data: { what },
  });
}
