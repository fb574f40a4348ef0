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

/** `FAIL` for -3; the number where this release's names do not have it. */
export function nameOfReturnCode(rc: number): string {
  return NAMES[-rc] ?? String(rc);
}

/** Codes that mean the same for every toolstack, and what to do about them. */
const SHARED: Readonly<Record<string, readonly [code: ErrorCode, hint: string]>> = {
  GUEST_TIMEDOUT: [
    'E_TOOLSTACK_GUEST_TIMEDOUT',
    'The guest does not answer; look at its console, and whether it has Xen drivers. It runs on.',
  ],
  NOPARAVIRT: [
    'E_TOOLSTACK_NO_PARAVIRT',
    'The guest has no Xen drivers that could do this; ask it from the inside, or use destroy.',
  ],
  NOMEM: ['E_TOOLSTACK_NO_MEMORY', 'Free memory on this host, or give the guest less.'],
  DOMAIN_NOTFOUND: ['E_TOOLSTACK_DOMAIN_GONE', 'Look again at the list of domains.'],
  DOMAIN_DESTROYED: ['E_TOOLSTACK_DOMAIN_GONE', 'Look again at the list of domains.'],
};

const DEFAULT_HINT = 'The lines of libxl above say why; /var/log/xen may say more.';

export interface FailedCall {
  /** What libxl was to do: `save domain 3`. */
  readonly doing: string;
  readonly rc: number;
  /** The last that libxl logged at level error while it tried. */
  readonly log: readonly string[];
  readonly domid?: number;
}

/** A number that this release has no name for is `UNKNOWN`. */
function codeOfName(name: string): ErrorCode {
  const code = `E_TOOLSTACK_${name}`;
  return isErrorCode(code) ? code : 'E_TOOLSTACK_UNKNOWN';
}

/** A failed call of libxl's: `E_TOOLSTACK_<name of the code>`, or the code all toolstacks share for it. */
export function libxlError({ doing, rc, log, domid }: FailedCall): ToolstackError {
  const name = nameOfReturnCode(rc);
  const [code, hint] = SHARED[name] ?? [codeOfName(name), DEFAULT_HINT];
  const said = log.length === 0 ? '' : `: ${log.slice(-3).join('; ')}`;
  return new ToolstackError(code, `libxl could not ${doing} (ERROR_${name})${said}`, {
    hint,
    data: { operation: doing, rc, rcName: name, log, ...(domid === undefined ? {} : { domid }) },
  });
}
