import { XenferryError } from '../api/errors.js';

/** An error that a daemon reported; its exit code is that of the verb. */
export class DaemonError extends XenferryError {
  constructor(
    { code, message, hint }: { readonly code: string; readonly message: string; readonly hint?: string | undefined },
    readonly exitCode: number,
  ) {
    super(code, message, { hint });
  }
}
