import { RefusedError, XenferryError } from '../errors/errors.js';
import { codeOf, messageOf } from '../errors/message-of.js';
import { ownCommand } from '../errors/shell-words.js';
import type { DepartureReport } from '../source/report.js';
import { MigrationError, placeInWords } from './migration-error.js';

/** The error of a failed migration. */
export function migrationError(name: string, destination: string, report: DepartureReport): Error {
  const cause = report.error;
  // Nothing was changed: the refusal itself is reported.
  if (cause instanceof RefusedError && report.phase === 'prepare') return cause;
  const why = cause === undefined ? 'no error' : messageOf(cause);
  const extra = report.warnings.length === 0 ? '' : ` (${report.warnings.join('; ')})`;
  return new MigrationError(
    cause === undefined ? 'E_BUG' : codeOf(cause),
    `migrating ${name} to ${destination} failed in ${report.phase}: ${why}; ${placeInWords(report.place)}${extra}`,
    { guest: report.place, phase: report.phase, cancelled: report.cancelled },
    { cause, hint: nextStep(name, report), data: cause instanceof XenferryError ? cause.data : {} },
  );
}

function nextStep(name: string, report: DepartureReport): string {
  const own = report.error instanceof XenferryError ? report.error.hint : undefined;
  switch (report.place) {
    case 'in-doubt':
      return own ?? 'Run `xenferry recover` when the destination can be reached again.';
    case 'source-suspended':
      return `Run \`xenferry recover\`, or \`${ownCommand('resume', name)}\`.`;
    case 'source-stopped':
      return own ?? 'Start it again on the host of your choice.';
    default:
      return own ?? 'Try again.';
  }
}
