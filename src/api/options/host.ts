import type { Deadlines } from '../../control/deadlines.js';
import type { LocationOptions } from './location.js';

/** How a host is opened. */
export interface HostOptions extends LocationOptions {
  /** Milliseconds, in place of the configuration's and the usual ones. */
  readonly deadlines?: Partial<Deadlines> | undefined;
  /** What an operator should know and what fails nothing; default: the host's log alone. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * A host that is open. Its owner disposes it: `await using host = await openHost(...)`. Domains run on without it; what it has
 * begun (a migration, a save) is to be awaited or aborted first.
 */
export interface Host extends AsyncDisposable {
  /** Folder of definitions, journals and job locks. */
  readonly stateDir: string;
  /** xenferry's own version. */
  readonly version: string;
}
