import { RefusedError } from '../../errors/errors.js';

/** Making a guest without something that its definition asks for would be worse than not making it. */
export function notMapped(what: string): RefusedError {
  return new RefusedError(
    'E_REFUSED_NOT_MAPPED',
    `${what} of the definition cannot be given to libxl by this release`,
    {
      hint: 'Create the domain with xl, or remove what is named; a domain that runs can be moved, whoever made it.',
      data: { what },
    },
  );
}
