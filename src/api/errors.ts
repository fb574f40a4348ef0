/*
 * What the functions of the API throw. `code` never changes its meaning (docs/reference/errors.md), `message` is a sentence, `hint`
 * says what to do next.
 */
export {
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
  XenferryError,
  type ErrorData,
} from '../errors/errors.js';
export { codeOf, messageOf } from '../errors/message-of.js';
export { MigrationError, type MigrationFacts } from '../migration/migration-error.js';
export type { GuestPlace, Phase, ProgressEvent } from '../source/report.js';
