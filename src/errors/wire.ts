import { XenferryError, type ErrorData } from './errors.js';
import { codeOf, messageOf } from './message-of.js';

/** An error as it crosses a process or host boundary: code, message, hint and data, never an object of ours. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly data?: ErrorData | undefined;
}

export function toWire(error: unknown): WireError {
  const wire: WireError = { code: codeOf(error), message: messageOf(error) };
  if (!(error instanceof XenferryError)) return wire;
  return { ...wire, ...(error.hint === undefined ? {} : { hint: error.hint }), data: error.data };
}

/** What the other side said went wrong. Its code is kept. */
export class RemoteError extends XenferryError {}

export function fromWire(wire: WireError): RemoteError {
  return new RemoteError(wire.code, wire.message, {
    ...(wire.hint === undefined ? {} : { hint: wire.hint }),
    ...(wire.data === undefined ? {} : { data: wire.data }),
  });
}
