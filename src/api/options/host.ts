import type { Deadlines } from '../../control/deadlines.js';
import type { LocationOptions } from './location.js';

/** How a host is opened. */
export interface HostOptions extends LocationOptions {
  /** Milliseconds, in place of the configuration's and the usual ones. */
  readonly deadlines?: Partial<Deadlines> | undefined;
  /** Messages for the operator that fail nothing; default: the host's log only. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * An open host. Its owner disposes of it: `await using host = await openHost(...)`. Domains run on without it; what it has
 * begun (a migration, a save) is to be awaited or aborted first.
 */
export interface Host extends AsyncDisposable {
  /** Folder of definitions, journals and job locks. */
  readonly stateDir: string;
  /** xenferry's own version. */
  readonly version: string;
}
