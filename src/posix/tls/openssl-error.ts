import { getSystemErrorName } from 'node:util';
import type { Libssl } from './libssl.js';

/** What OpenSSL or the socket below it says. `code` is what `node:tls` would give: `ERR_SSL_...`, or an errno such as `ECONNRESET`. */
export class OpensslError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The first of what OpenSSL has noted in this thread, all of which is cleared.
 * @param during what was being done, for a failure without a reason
 */
export function takeError(lib: Libssl, during: string): OpensslError {
  const number = lib.ERR_get_error();
  const reason = lib.ERR_reason_error_string(number);
  lib.ERR_clear_error();
  if (reason === null) return new OpensslError('ERR_SSL', `${during} failed`);
  return new OpensslError(`ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`, `${during} failed: ${reason}`);
}

/** @param errno positive, as libc leaves it */
export function errnoError(errno: number, during: string): OpensslError {
  const name = getSystemErrorName(-errno);
  return new OpensslError(name, `${during} ${name}`);
}
