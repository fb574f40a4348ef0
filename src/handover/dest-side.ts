/**
 * The arriving side's half of the handover, as a pure state machine.
 *
 *   receiving --restored and finish, digests equal--> arriving --running--> arrived
 *       |
 *       | failed, cancel, lost (while finish was not heard), digests differ
 *       v
 *    refusing --destroyed--> refused
 *
 * The record of `arriving` is the commit: the one decision in the whole handover. Before it the guest
 * belongs to the source and our copy stays paused; behind it the guest is ours. The record of
 * `refusing` says that we can never commit; only then may the source be told `aborted`.
 *
 * A record of `arriving` that could not be written may be on the disk all the same. From then on our
 * copy may be destroyed only behind a durable `refusing`: a restart could find the commit, and must
 * then find the copy too.
 */
export type DestPhase = 'receiving' | 'arriving' | 'arrived' | 'refusing' | 'refused';

export interface DestState {
  readonly phase: DestPhase;
  /** Digest of the stream as it went into the restore; set once the restore is done. */
  readonly restored?: string;
  /** Digest of the stream as it left the save; set once `finish` was heard. */
  readonly finish?: string;
}

export type DestEvent =
  | { readonly type: 'restored'; readonly digest: string }
  | { readonly type: 'finish'; readonly digest: string }
  | { readonly type: 'failed' }
  | { readonly type: 'cancel' }
  /** The connection to the source is gone, or was silent beyond its deadline. */
  | { readonly type: 'lost' }
  | { readonly type: 'running' }
  | { readonly type: 'destroyed' }
  /** Our process starts again and finds this state in the journal. */
  | { readonly type: 'restarted' };

export type DestAct =
  | { readonly do: 'record'; readonly phase: DestPhase }
  | { readonly do: 'unpause' }
  | { readonly do: 'destroy' }
  /** Tell whoever waits for an outcome. */
  | { readonly do: 'answer' };

export interface DestStep {
  readonly state: DestState;
  readonly acts: readonly DestAct[];
}

export type Outcome = 'committed' | 'aborted' | 'pending';

export const DEST_FINAL: ReadonlySet<DestPhase> = new Set<DestPhase>(['arrived', 'refused']);

/** What the source is told when it asks. */
export function outcomeOf(phase: DestPhase): Outcome {
  switch (phase) {
    case 'receiving':
      return 'pending';
    case 'arriving':
    case 'arrived':
      return 'committed';
    case 'refusing':
    case 'refused':
      return 'aborted';
  }
}

const refuse = (state: DestState): DestStep => ({
  state: { ...state, phase: 'refusing' },
  acts: [{ do: 'record', phase: 'refusing' }, { do: 'destroy' }],
});

function settle(state: DestState): DestStep {
  if (state.restored === undefined || state.finish === undefined) return { state, acts: [] };
  if (state.restored !== state.finish) return refuse(state);
  return { state: { ...state, phase: 'arriving' }, acts: [{ do: 'record', phase: 'arriving' }, { do: 'unpause' }] };
}

/** The next state and what to do, in order. An event that says nothing new in a state changes nothing. */
export function stepDest(state: DestState, event: DestEvent): DestStep {
  const stay: DestStep = { state, acts: [] };
  switch (state.phase) {
    case 'receiving':
      switch (event.type) {
        case 'restored':
          return settle({ ...state, restored: event.digest });
        case 'finish':
          // A second `finish` never replaces the first: a repeated frame cannot change the decision.
          return state.finish === undefined ? settle({ ...state, finish: event.digest }) : stay;
        case 'lost':
          // With `finish` heard, the source waits suspended for whatever we decide: go on and decide.
          return state.finish === undefined ? refuse(state) : stay;
        case 'failed':
        case 'cancel':
        case 'restarted':
          return refuse(state);
        case 'running':
        case 'destroyed':
          return stay;
      }
      break;
    case 'arriving':
      if (event.type === 'running')
        return { state: { ...state, phase: 'arrived' }, acts: [{ do: 'record', phase: 'arrived' }, { do: 'answer' }] };
      // What was read back may not be on the disk yet: it is written again before anything rests on it.
      if (event.type === 'restarted') return { state, acts: [{ do: 'record', phase: 'arriving' }, { do: 'unpause' }] };
      return stay;
    case 'refusing':
      if (event.type === 'destroyed')
        return { state: { ...state, phase: 'refused' }, acts: [{ do: 'record', phase: 'refused' }, { do: 'answer' }] };
      if (event.type === 'restarted') return refuse(state);
      return stay;
    case 'arrived':
    case 'refused':
      return stay;
  }
  return stay;
}
