import { DEADLINE_CODES } from './codes/deadline.js';
import { OTHER_CODES } from './codes/other.js';
import { PROTOCOL_CODES } from './codes/protocol.js';
import { REFUSED_CODES } from './codes/refused.js';
import type { CodeRow } from './codes/row.js';
import { STREAM_CODES } from './codes/stream.js';
import { ERRNO_ROW, SYSTEM_CODES } from './codes/system.js';
import { LIBXL_ERRORS, LIBXL_ROW, TOOLSTACK_CODES } from './codes/toolstack.js';
import { TUNNEL_CODES } from './codes/tunnel.js';
import { USAGE_CODES } from './codes/usage.js';

/** Every error code that is not of a family, with its class, meaning and remedy. A code never changes its meaning. */
export const CODES = {
  ...USAGE_CODES,
  ...REFUSED_CODES,
  ...STREAM_CODES,
  ...PROTOCOL_CODES,
  ...TUNNEL_CODES,
  ...TOOLSTACK_CODES,
  ...DEADLINE_CODES,
  ...SYSTEM_CODES,
  ...OTHER_CODES,
};

type LibxlCode = `E_TOOLSTACK_${(typeof LIBXL_ERRORS)[number]}`;
/** `ENOSPC`, as Linux and Node name an error number. */
export type ErrnoName = `E${string}`;
type ErrnoCode = `E_SYSTEM_${ErrnoName}`;

/** A code of the table, or of one of the families. */
export type ErrorCode = keyof typeof CODES | LibxlCode | ErrnoCode;

export type DeadlineCode = Extract<ErrorCode, `E_DEADLINE_${string}`>;

/** Codes that are built from another system's names. */
export interface CodeFamily {
  /** As people read it: `E_SYSTEM_<ERRNO>`. */
  readonly name: string;
  readonly pattern: RegExp;
  /** All codes of the family, where their number is fixed. */
  readonly members?: readonly string[];
  readonly row: CodeRow;
}

export const FAMILIES: readonly CodeFamily[] = [
  { name: 'E_SYSTEM_<ERRNO>', pattern: /^E_SYSTEM_E[A-Z0-9]+$/, row: ERRNO_ROW },
  {
    name: 'E_TOOLSTACK_<LIBXL ERROR>',
    pattern: new RegExp(`^E_TOOLSTACK_(?:${LIBXL_ERRORS.join('|')})$`),
    members: LIBXL_ERRORS.map((name) => `E_TOOLSTACK_${name}`),
    row: LIBXL_ROW,
  },
];

/** The table's row for a code; undefined for a code that this release does not have. */
export function rowOf(code: string): CodeRow | undefined {
  const table: Readonly<Record<string, CodeRow>> = CODES;
  if (Object.hasOwn(table, code)) return table[code];
  return FAMILIES.find(({ pattern }) => pattern.test(code))?.row;
}

/** Whether this release has the code: another process or host may run another release. */
export function isErrorCode(code: string): code is ErrorCode {
  return rowOf(code) !== undefined;
}

/**
 * The code of an error that was caught, or received from another process: kept unchanged, also if another release
 * defined it.
 */
export function carriedCode(code: string): ErrorCode {
  return code as ErrorCode;
}
