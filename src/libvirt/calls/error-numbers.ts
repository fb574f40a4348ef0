import type { ErrorCode } from '../../errors/codes.js';
import { XenferryError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { bounded } from '../../errors/printable.js';

/** Error numbers of libvirt (virerror.h, virErrorNumber) that this host sends. */
export const NUMBER = {
  internal: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationFailed: 9,
  xml: 27,
  operationDenied: 29,
  system: 38,
  rpc: 39,
  noDomain: 42,
  operationInvalid: 55,
  configUnsupported: 67,
  timeout: 68,
  invalidStream: 73,
  aborted: 78,
  noMetadata: 80,
  unsupported: 84,
  busy: 87,
  accessDenied: 88,
  cpuIncompatible: 91,
  deviceMissing: 99,
} as const;
type LibvirtNumber = (typeof NUMBER)[keyof typeof NUMBER];

/** Where an error comes from (virErrorDomain): 7 is the protocol, 38 streams, 41 the driver for Xen. */
const FROM = { rpc: 7, libxl: 41 } as const;

/** The word after `E_`. */
type KindOf<Code extends string> = Code extends `E_${infer Kind}_${string}`
  ? Kind
  : Code extends `E_${infer Kind}`
    ? Kind
    : never;
type Kind = KindOf<ErrorCode>;

/** The number for every kind of code that there is. */
const BY_KIND: Readonly<Record<Kind, LibvirtNumber>> = {
  USAGE: NUMBER.invalidArgument,
  REFUSED: NUMBER.operationInvalid,
  STREAM: NUMBER.operationFailed,
  PROTOCOL: NUMBER.rpc,
  TUNNEL: NUMBER.system,
  TOOLSTACK: NUMBER.operationFailed,
  DEADLINE: NUMBER.timeout,
  SYSTEM: NUMBER.system,
  ABORTED: NUMBER.aborted,
  XML: NUMBER.xml,
  HOOK: NUMBER.operationInvalid,
  CPU: NUMBER.cpuIncompatible,
  JOURNAL: NUMBER.system,
  DAEMON: NUMBER.operationFailed,
  DEMO: NUMBER.operationFailed,
  BUG: NUMBER.internal,
};

/** Codes that libvirt has a number of its own for. */
const BY_CODE: Partial<Readonly<Record<ErrorCode, LibvirtNumber>>> = {
  E_PROTOCOL_LIBVIRT_CALL: NUMBER.rpc,
  E_PROTOCOL_XDR: NUMBER.rpc,
  E_REFUSED_LIBVIRT_CALL: NUMBER.noSupport,
  E_REFUSED_LIBVIRT_READ_ONLY: NUMBER.operationDenied,
  E_REFUSED_LIBVIRT_ACCESS: NUMBER.accessDenied,
  E_REFUSED_LIBVIRT_URI: NUMBER.noConnect,
  E_REFUSED_NO_DOMAIN: NUMBER.noDomain,
  E_REFUSED_BUSY: NUMBER.busy,
  E_REFUSED_UNSUPPORTED: NUMBER.unsupported,
  E_REFUSED_NAME_TAKEN: NUMBER.operationFailed,
  E_REFUSED_UUID_TAKEN: NUMBER.operationFailed,
  E_REFUSED_NO_DISK: NUMBER.invalidArgument,
  E_REFUSED_NO_METADATA: NUMBER.noMetadata,
};

/** How an error goes over the wire. */
export interface WireError {
  readonly code: number;
  readonly domain: number;
  readonly message: string;
}

/** The error as a client of libvirt reads it: message and remedy in one printable text of bounded length. */
export function wireError(error: unknown): WireError {
  const message = bounded(messageOf(error));
  if (!(error instanceof XenferryError)) return { code: NUMBER.internal, domain: FROM.libxl, message };
  const { code, hint } = error;
  const number = numberOf(code);
  return {
    code: number,
    domain: number === NUMBER.rpc ? FROM.rpc : FROM.libxl,
    message: hint === undefined ? message : `${message}: ${bounded(hint)}`,
  };
}

function numberOf(code: string): number {
  const own: Readonly<Record<string, LibvirtNumber | undefined>> = BY_CODE;
  const number = Object.hasOwn(own, code) ? own[code] : undefined;
  if (number !== undefined) return number;
  if (code.startsWith('E_USAGE_DOMAIN_')) return NUMBER.xml;
  const [, kind = ''] = code.split('_');
  const numbers: Readonly<Record<string, LibvirtNumber>> = BY_KIND;
  return Object.hasOwn(numbers, kind) ? numbers[kind] : NUMBER.internal;
}
