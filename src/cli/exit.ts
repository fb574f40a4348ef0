import {
  MigrationError,
  AbortedError,
  InvariantError,
  RefusedError,
  UsageError,
  XenferryError,
} from '../api/errors.js';
import { DaemonError } from './daemon-error.js';

/** The exit codes, as docs/reference/exit-codes.md lists them. Scripts depend on them: they never change. */
export const EXIT = {
  done: 0,
  /** Failed; after a migration: the domain is at the source as it was. */
  failed: 1,
  usage: 2,
  /** Refused before anything was changed. */
  refused: 3,
  /** A migration failed, and the domain is at the source but not running. */
  notRunning: 4,
  /** It is unknown where the domain runs: `xenferry recover` settles it. */
  inDoubt: 5,
  /** An evacuation that has moved some domains, but not all. */
  partly: 6,
  /** An error in xenferry itself. */
  bug: 70,
  /** Stopped on request; after a migration: the domain is at the source as it was. */
  cancelled: 130,
} as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof MigrationError) {
    switch (error.guest) {
      case 'in-doubt':
        return EXIT.inDoubt;
      case 'source-suspended':
      case 'source-stopped':
        return EXIT.notRunning;
      case 'source-running':
      case 'source-paused':
      case 'destination':
        return error.cancelled ? EXIT.cancelled : EXIT.failed;
    }
  }
  if (error instanceof DaemonError) return error.exitCode;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof RefusedError) return EXIT.refused;
  if (error instanceof AbortedError) return EXIT.cancelled;
  if (error instanceof InvariantError || !(error instanceof XenferryError)) return EXIT.bug;
  return EXIT.failed;
}
