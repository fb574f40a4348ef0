import { XenferryError } from '../../../src/errors/errors.js';
import type { Outcome } from './outcome.js';

/** Runs a case; an error of xenferry's is an outcome, any other is a fault of the program and goes up. */
export function refusing(theirs: boolean, run: () => Outcome): () => Outcome {
  return () => {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof XenferryError)) throw error;
      return { kind: 'refused', code: error.code, message: error.message, theirs };
    }
  };
}

/** The outcome where a peer refuses and xenferry does not. */
export function taken(what: string): Outcome {
  return { kind: 'compared', differences: [{ path: 'outcome', theirs: 'refused', ours: what }] };
}
