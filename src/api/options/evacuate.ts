import type { EvacuationReport, Left, Move } from '../../fleet/evacuate.js';
import type { Leaver, Route } from '../../fleet/plan.js';
import type { ProgressEvent } from '../../source/report.js';
import type { TransferOptions } from './migrate.js';

export type { EvacuationReport, Leaver, Left, Move, Route };

/** A destination, with its hello or the reason why it cannot be reached. */
export interface SeenDestination {
  readonly destination: string;
  readonly hostname: string | undefined;
  readonly error: string | undefined;
  readonly hint: string | undefined;
}

/** Who would go where. */
export interface EvacuationPlan {
  readonly destinations: readonly SeenDestination[];
  readonly routes: readonly Route[];
}

/** What became of an evacuation. */
export interface Evacuated extends EvacuationReport {
  readonly destinations: readonly SeenDestination[];
}

/** One attempt to move a domain: begun, or ended where `move` is there. */
export interface EvacuationAttempt {
  readonly leaver: Leaver;
  readonly destination: string;
  readonly move?: Move;
}

export interface EvacuateOptions extends TransferOptions {
  /** URIs or aliases. */
  readonly to: readonly string[];
  /** Names, UUIDs or ids of domains that stay. */
  readonly exclude?: readonly string[] | undefined;
  /** Domains that leave at a time, 1 to 64; default: 2. */
  readonly parallel?: number | undefined;
  /** Starts no further migrations, and stops those under way if that is still possible. */
  readonly signal?: AbortSignal | undefined;
  /** Stops the wait for the destinations' answers. */
  readonly abandonSignal?: AbortSignal | undefined;
  readonly onAttempt?: ((attempt: EvacuationAttempt) => void) | undefined;
  readonly onProgress?: ((leaver: Leaver, event: ProgressEvent) => void) | undefined;
  readonly onNotice?: ((text: string) => void) | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}
