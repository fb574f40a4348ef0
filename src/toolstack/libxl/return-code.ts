import { isErrorCode, type ErrorCode } from '../../errors/codes.js';
import { ToolstackError } from '../../errors/errors.js';

/** libxl_error (libxl_types.idl), by its negated value. */
const NAMES = [
  '',
  'NONSPECIFIC',
  'VERSION',
  'FAIL',
  'NI',
  'NOMEM',
  'INVAL',
  'BADFAIL',
  'GUEST_TIMEDOUT',
  'TIMEDOUT',
  'NOPARAVIRT',
  'NOT_READY',
  'OSEVENT_REG_FAIL',
  'BUFFERFULL',
  'UNKNOWN_CHILD',
  'LOCK_FAIL',
  'JSON_CONFIG_EMPTY',
  'DEVICE_EXISTS',
  'CHECKPOINT_DEVOPS_DOES_NOT_MATCH',
  'CHECKPOINT_DEVICE_NOT_SUPPORTED',
  'VNUMA_CONFIG_INVALID',
  'DOMAIN_NOTFOUND',
  'ABORTED',
  'NOTFOUND',
  'DOMAIN_DESTROYED',
  'FEATURE_REMOVED',
  'PROTOCOL_ERROR_QMP',
  'UNKNOWN_QMP_ERROR',
  'QMP_GENERIC_ERROR',
  'QMP_COMMAND_NOT_FOUND',
  'QMP_DEVICE_NOT_ACTIVE',
  'QMP_DEVICE_NOT_FOUND',
  'QEMU_API',
];

export const RC_OK = 0;
export const RC_FAIL = -3;
export const RC_NOPARAVIRT = -10;
export const RC_DOMAIN_NOTFOUND = -21;
export const RC_ABORTED = -22;

/** `FAIL` for -3; the number if this release has no name for it. */
export function nameOfReturnCode(rc: number): string {
  return NAMES[-rc] ?? String(rc);
}

/** Codes shared by all toolstacks, with their hints. */
const SHARED: Readonly<Record<string, readonly [code: ErrorCode, hint: string]>> = {
  GUEST_TIMEDOUT: [
    'E_TOOLSTACK_GUEST_TIMEDOUT',
    'The guest does not respond; look at its console, and check whether it has Xen drivers. It keeps running.',
  ],
  NOPARAVIRT: [
    'E_TOOLSTACK_NO_PARAVIRT',
    'The guest has no Xen drivers for this; do it inside the guest, or use destroy.',
  ],
  NOMEM: ['E_TOOLSTACK_NO_MEMORY', 'Free memory on this host, or give the guest less.'],
  DOMAIN_NOTFOUND: ['E_TOOLSTACK_DOMAIN_GONE', 'Look again at the list of domains.'],
  DOMAIN_DESTROYED: ['E_TOOLSTACK_DOMAIN_GONE', 'Look again at the list of domains.'],
};

const DEFAULT_HINT = 'The lines of libxl above contain the reason; `xl dmesg` and /var/log/xen may have more.';

/** A failed call of libxl. */
export interface FailedCall {
  /** The intended operation: `save domain 3`. */
  readonly doing: string;
  readonly rc: number;
  /** The last lines of level error that libxl logged during the call. */
  readonly log: readonly string[];
  readonly domid?: number;
}

/** A number without a name is `UNKNOWN`. */
function codeOfName(name: string): ErrorCode {
  const code = `E_TOOLSTACK_${name}`;
  return isErrorCode(code) ? code : 'E_TOOLSTACK_UNKNOWN';
}

/** The first error is the cause, the later ones are its consequences. */
function firstAndLast(log: readonly string[]): readonly string[] {
  return log.length <= 3 ? log : [log[0], '…', ...log.slice(-2)];
}

/** The error for a failed call of libxl: `E_TOOLSTACK_<name of the code>`, or the code all toolstacks share for it. */
export function libxlError({ doing, rc, log, domid }: FailedCall): ToolstackError {
  const name = nameOfReturnCode(rc);
  const [code, hint] = SHARED[name] ?? [codeOfName(name), DEFAULT_HINT];
  const said = log.length === 0 ? '' : `: ${firstAndLast(log).join('; ')}`;
  return new ToolstackError(code, `libxl could not ${doing} (ERROR_${name})${said}`, {
    hint,
    data: { operation: doing, rc, rcName: name, log, ...(domid === undefined ? {} : { domid }) },
  });
}
