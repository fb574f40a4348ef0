import type { DestPhase } from '../handover/dest-side.js';
import type { DestMachine } from '../handover/machines.js';
import type { Domid } from '../toolstack/domid.js';
import type { ReceiveContext } from './receive-guest.js';

/** The arriving domain, as the journal and the messages name it. */
export interface ArrivalSubject {
  readonly migration: string;
  readonly epoch: number;
  readonly uuid: string;
  /** The name it will have here. */
  readonly name: string;
}

export interface ArrivalContext extends ReceiveContext {
  /** The state machine: acts, and answers to the source. */
  readonly machine: DestMachine;
  /** Notifies the source that this side gave up before it was asked to finish. */
  readonly onFailed: (error: Error) => void;
  /** For the log: how the arrival ended. */
  readonly onSettled: (summary: string) => void;
}

/** What an earlier process left in the journal. */
export interface LeftArrival {
  readonly phase: DestPhase;
  readonly domid?: Domid | undefined;
  readonly run: boolean;
}
