import { admission, outcomeOf, recall, stepDest } from './dest-side.js';
import { stepSource } from './source-side.js';

/** The destination's rules. */
export interface DestMachine {
  readonly step: typeof stepDest;
  readonly recall: typeof recall;
  readonly outcomeOf: typeof outcomeOf;
  readonly admission: typeof admission;
}

/** The source's rules. */
export interface SourceMachine {
  readonly step: typeof stepSource;
}

/**
 * Both halves of the handover: executed by the executors and walked by the explorer. Tests replace them by altered
 * ones.
 */
export interface HandoverMachines {
  readonly source: SourceMachine;
  readonly dest: DestMachine;
}

export const HANDOVER: HandoverMachines = {
  source: { step: stepSource },
  dest: { step: stepDest, recall, outcomeOf, admission },
};
