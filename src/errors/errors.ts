import type { ErrorCode } from './codes.js';

/** Plain data that travels with an error: it can be printed as JSON and sent to a peer. */
export type ErrorData = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** Optional parts of an error. */
export interface ErrorDetails {
  /** What the user should do next, as a full sentence. */
  readonly hint?: string | undefined;
  readonly data?: ErrorData | undefined;
  readonly cause?: unknown;
}

/**
 * The root of every error that xenferry throws on purpose. `code` is a promise (it never changes
 * its meaning), `message` is prose for a person, `hint` says what to do next.
 */
export class XenferryError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly data: ErrorData;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = details.hint;
    this.data = details.data ?? {};
  }
}

/** An error of this process: its code is one of the table (codes.ts). */
export class CodedError extends XenferryError {
  declare readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}

/** The command line, a configuration file or a document of the user is wrong: `E_USAGE_*`. */
export class UsageError extends CodedError {}
/** Refused before anything was changed: `E_REFUSED_*`. */
export class RefusedError extends CodedError {}
/** A save stream that breaks its format: `E_STREAM_*`. */
export class StreamError extends CodedError {}
/** A cookie, message or frame that breaks the protocol: `E_PROTOCOL_*`. */
export class ProtocolError extends CodedError {}
/** A connection that failed, or was refused by TLS or ssh: `E_TUNNEL_*`. */
export class TunnelError extends CodedError {}
/** The toolstack (libxl or the embedded host) failed: `E_TOOLSTACK_*`. */
export class ToolstackError extends CodedError {}
/** A wait that exceeded its deadline: `E_DEADLINE_*`. */
export class DeadlineError extends CodedError {}
/** The operation was stopped on request: always `E_ABORTED`. */
export class AbortedError extends XenferryError {
  constructor(message = 'stopped on request', details: ErrorDetails = {}) {
    super('E_ABORTED', message, details);
  }
}
/** A failed system call outside all of the above: `E_SYSTEM_<ERRNO>`. */
export class SystemError extends CodedError {}
/** An error in xenferry itself: always `E_BUG`. */
export class InvariantError extends XenferryError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('E_BUG', message, details);
  }
}
