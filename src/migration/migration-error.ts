import { XenferryError, type ErrorDetails } from '../errors/errors.js';
import type { GuestPlace, Phase } from '../source/report.js';

/** State of the guest after a failed migration. */
export interface MigrationFacts {
  readonly guest: GuestPlace;
  readonly phase: Phase;
  /** The stop was requested. */
  readonly cancelled: boolean;
}

/** A failed migration: states where the guest is, the phase, and the remedy. */
export class MigrationError extends XenferryError {
  readonly guest: GuestPlace;
  readonly phase: Phase;
  /** The stop was requested. */
  readonly cancelled: boolean;

  constructor(code: string, message: string, facts: MigrationFacts, details: ErrorDetails) {
    super(code, message, details);
    this.guest = facts.guest;
    this.phase = facts.phase;
    this.cancelled = facts.cancelled;
  }
}

/** Where the guest is, as the end of a sentence. */
export function placeInWords(place: GuestPlace): string {
  switch (place) {
    case 'source-running':
      return 'the guest runs at the source, as before';
    case 'source-paused':
      return 'the guest is at the source, paused as before';
    case 'source-suspended':
      return 'the guest is at the source, suspended, and could not be resumed';
    case 'source-stopped':
      return 'the guest is no longer running at the source: it stopped by itself or was stopped manually, and did not arrive';
    case 'destination':
      return 'the guest is at the destination';
    case 'in-doubt':
      return 'the guest is suspended at the source, and whether it runs at the destination is not known';
  }
}
