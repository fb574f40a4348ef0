import { XenferryError, type ErrorData } from './errors.js';
import { codeOf, messageOf } from './message-of.js';
import { bounded } from './printable.js';

/** A list in an error's data is cut after so many texts: as many as a peer takes. */
const MAX_LIST = 64;

/** An error as it crosses a process or host boundary: code, message, hint and data, never an object of ours. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly data?: ErrorData | undefined;
}

/** Texts go printable and cut to what the other side takes, whatever a toolstack, a guest or a script had a part in. */
export function toWire(error: unknown): WireError {
  const wire: WireError = { code: codeOf(error), message: bounded(messageOf(error)) };
  if (!(error instanceof XenferryError)) return wire;
  const data = Object.fromEntries(Object.entries(error.data).map(([key, value]) => [key, shownValue(value)]));
  return { ...wire, ...(error.hint === undefined ? {} : { hint: bounded(error.hint) }), data };
}

function shownValue(value: ErrorData[string]): ErrorData[string] {
  if (typeof value === 'string') return bounded(value);
  return typeof value === 'object' && value !== null ? value.slice(0, MAX_LIST).map((text) => bounded(text)) : value;
}

/** What the other side said went wrong. Its code is kept. */
export class RemoteError extends XenferryError {}

export function fromWire(wire: WireError): RemoteError {
  return new RemoteError(wire.code, wire.message, {
    ...(wire.hint === undefined ? {} : { hint: wire.hint }),
    ...(wire.data === undefined ? {} : { data: wire.data }),
  });
}
