import { XenferryError, type ErrorData } from './errors.js';
import { codeOf, messageOf } from './message-of.js';
import { bounded } from './printable.js';

/** Longest list in an error's data, as much as a peer accepts; longer ones are cut. */
const MAX_LIST = 64;

/** An error as it crosses a process or host boundary: code, message, hint and data, never an internal object. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly data?: ErrorData | undefined;
}

/**
 * The error for another process or host: texts are made printable and cut to the length that the other side accepts.
 */
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

/** An error that the other side reported. Its code is kept. */
export class RemoteError extends XenferryError {}

/** The error that the other side reported, as an Error to throw. */
export function fromWire(wire: WireError): RemoteError {
  return new RemoteError(wire.code, wire.message, {
    ...(wire.hint === undefined ? {} : { hint: wire.hint }),
    ...(wire.data === undefined ? {} : { data: wire.data }),
  });
}
