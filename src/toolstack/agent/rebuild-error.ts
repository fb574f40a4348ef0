import { carriedCode, type ErrorCode } from '../../errors/codes.js';
import {
  AbortedError,
  DeadlineError,
  InvariantError,
  ProtocolError,
  RefusedError,
  StreamError,
  SystemError,
  ToolstackError,
  TunnelError,
  UsageError,
  type ErrorDetails,
  type XenferryError,
} from '../../errors/errors.js';
import { fromWire, type WireError } from '../../errors/wire.js';

type ErrorClass = new (code: ErrorCode, message: string, details?: ErrorDetails) => XenferryError;

const CLASS_OF_PREFIX: readonly (readonly [string, ErrorClass])[] = [
  ['E_TOOLSTACK_', ToolstackError],
  ['E_REFUSED_', RefusedError],
  ['E_STREAM_', StreamError],
  ['E_SYSTEM_', SystemError],
  ['E_USAGE_', UsageError],
  ['E_PROTOCOL_', ProtocolError],
  ['E_DEADLINE_', DeadlineError],
  ['E_TUNNEL_', TunnelError],
];

/** An error received from our own child process, in the class of its code. */
export function rebuildError(wire: WireError): XenferryError {
  const details: ErrorDetails = { hint: wire.hint, data: wire.data };
  if (wire.code === 'E_ABORTED') return new AbortedError(wire.message, details);
  if (wire.code === 'E_BUG') return new InvariantError(wire.message, details);
  const known = CLASS_OF_PREFIX.find(([prefix]) => wire.code.startsWith(prefix));
  return known === undefined ? fromWire(wire) : new known[1](carriedCode(wire.code), wire.message, details);
}
