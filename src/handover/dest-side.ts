/**
 * The destination's half of the handover, as a pure state machine.
 *
 *   receiving --restored and finish, digests equal; claimed--> committed --activated--> activated
 *       |
 *       | failed, cancel, lost (before finish arrived), claim failed, digests differ, commit not recorded
 *       v
 *    refusing --destroyed--> refused
 *
 * The record of `committed` is the commit: the one decision in the whole handover. Before it the guest belongs to the
 * source and the copy here stays paused; after it the guest is ours. The record of `refusing` says that we can never
 * commit; only then, or once the copy is gone, may the answer to the source be `aborted`.
 *
 * A state is entered when its record is durable. A commit whose record failed may be on the disk all the same
 * (`commit: 'maybe-torn'`): the copy is then destroyed only after a durable `refusing`, since a restart could find the
 * commit and must find the copy too.
 */
export type DestPhase = 'receiving' | 'committed' | 'activated' | 'refusing' | 'refused';

/** Everything that decides what the destination does next. */
export interface DestState {
  readonly phase: DestPhase;
  /** The record of the commit: not written, perhaps on the disk, or on the disk. */
  readonly commit: 'none' | 'maybe-torn' | 'durable';
  /** The record of the refusal is on the disk: a restart, too, finds that we cannot commit. */
  readonly refusal: 'none' | 'durable';
  /** Committed here, and lost since: only a person can say which copy is right. */
  readonly vanished: boolean;
  /** Digest of the stream as it went into the restore; set once the restore is done. */
  readonly restored?: string;
  /** Digest of the stream as it left the save; set once `finish` has arrived. */
  readonly finish?: string;
}

export type DestEvent =
  | { readonly type: 'restored'; readonly digest: string }
  | { readonly type: 'finish'; readonly digest: string }
  | { readonly type: 'failed' }
  | { readonly type: 'cancel' }
  /** The connection to the source is gone, or was silent longer than its deadline. */
  | { readonly type: 'lost' }
  /** The resources that only one side may hold are ours, or could not be acquired. */
  | { readonly type: 'claimed' }
  | { readonly type: 'claim-failed' }
  /** The record is on the disk. */
  | { readonly type: 'recorded'; readonly phase: DestPhase }
  /** Writing the record failed; it may be on the disk all the same. */
  | { readonly type: 'record-failed'; readonly phase: DestPhase }
  /** The guest runs here, or stays paused as requested, or could not be unpaused: it is here in each case. */
  | { readonly type: 'activated' }
  /** The guest is not here any more, and has not been seen here since the commit. */
  | { readonly type: 'vanished' }
  | { readonly type: 'destroyed' }
  | { readonly type: 'destroy-failed' }
  /** Our process starts again and finds this state in the journal. */
  | { readonly type: 'restarted' };

export type Outcome = 'committed' | 'aborted' | 'pending';

export type DestAct =
  /** Answered by `recorded` or `record-failed`. */
  | { readonly do: 'record'; readonly phase: DestPhase }
  /** Take over what only one side may hold. Answered by `claimed` or `claim-failed`. */
  | { readonly do: 'claim' }
  /** Let the guest run, if it is to. Answered by `activated` or `vanished`. */
  | { readonly do: 'activate' }
  /** Answered by `destroyed` or `destroy-failed`. */
  | { readonly do: 'destroy' }
  /**
   * Nothing more is done now: answer those who wait. `pending`: the journal stays open until the next question or
   * start.
   */
  | { readonly do: 'answer'; readonly outcome: Outcome };

/** A transition: the new state, and the acts to carry out in order. */
export interface DestStep {
  readonly state: DestState;
  readonly acts: readonly DestAct[];
}

/** What a destination knows of a migration and its domain when a source asks it to prepare. */
export interface Attempt {
  /** There is a journal of this very migration, or it is under way. */
  readonly known: boolean;
  readonly epoch: number;
  /** The highest epoch of any migration of the domain here; 0 where there was none. */
  readonly highestEpoch: number;
}

export const DEST_FINAL: ReadonlySet<DestPhase> = new Set<DestPhase>(['activated', 'refused']);

/** Whether an attempt may begin: each only once, and none after a later one. */
export function admission({ known, epoch, highestEpoch }: Attempt): 'admitted' | 'repeated' | 'stale' {
  if (known) return 'repeated';
  return epoch > highestEpoch ? 'admitted' : 'stale';
}

/** The state that a phase read from the journal represents. Its record may not be on the disk yet. */
export function recall(phase: DestPhase): DestState {
  return {
    phase,
    commit: phase === 'activated' ? 'durable' : phase === 'committed' ? 'maybe-torn' : 'none',
    refusal: phase === 'refused' ? 'durable' : 'none',
    vanished: false,
  };
}

/** The answer to the source: nothing that a restart could take back. */
export function outcomeOf({ phase, commit, refusal, vanished }: DestState): Outcome {
  switch (phase) {
    case 'receiving':
      return 'pending';
    case 'committed':
    case 'activated':
      return commit === 'durable' && !vanished ? 'committed' : 'pending';
    case 'refusing':
      return refusal === 'durable' ? 'aborted' : 'pending';
    case 'refused':
      return 'aborted';
  }
}

const record = (state: DestState, phase: DestPhase): DestStep => ({ state, acts: [{ do: 'record', phase }] });

const answer = (state: DestState): DestStep => ({ state, acts: [{ do: 'answer', outcome: outcomeOf(state) }] });

/** Decides once the restore is done and `finish` has arrived. */
function settle(state: DestState): DestStep {
  if (state.restored === undefined || state.finish === undefined) return { state, acts: [] };
  return state.restored === state.finish ? { state, acts: [{ do: 'claim' }] } : record(state, 'refusing');
}

function stepReceiving(state: DestState, event: DestEvent): DestStep {
  switch (event.type) {
    case 'restored':
      return settle({ ...state, restored: event.digest });
    case 'finish':
      // A second `finish` never replaces the first: a repeated frame cannot change the decision.
      return state.finish === undefined ? settle({ ...state, finish: event.digest }) : { state, acts: [] };
    case 'lost':
      // After `finish` the source waits, suspended, for our decision: continue and decide.
      return state.finish === undefined ? record(state, 'refusing') : { state, acts: [] };
    case 'failed':
    case 'cancel':
    case 'claim-failed':
    case 'restarted':
      return record(state, 'refusing');
    case 'claimed':
      return record(state, 'committed');
    default:
      return stepRefused(state, event);
  }
}

/** What follows the record that ends `receiving`, or that is written again in `refusing`. */
function stepRefused(state: DestState, event: DestEvent): DestStep {
  if (event.type === 'recorded' && event.phase === 'committed')
    return { state: { ...state, phase: 'committed', commit: 'durable' }, acts: [{ do: 'activate' }] };
  if (event.type === 'record-failed' && event.phase === 'committed')
    return record({ ...state, commit: 'maybe-torn' }, 'refusing');
  if (event.type === 'recorded' && event.phase === 'refusing')
    return { state: { ...state, phase: 'refusing', commit: 'none', refusal: 'durable' }, acts: [{ do: 'destroy' }] };
  if (event.type === 'record-failed' && event.phase === 'refusing') {
    const refusing: DestState = { ...state, phase: 'refusing' };
    // Without the record a restart finds `receiving` and refuses as well; but not if a torn commit may precede it.
    return state.commit === 'maybe-torn' ? answer(refusing) : { state: refusing, acts: [{ do: 'destroy' }] };
  }
  return { state, acts: [] };
}

/** The next state and what to do, in order. An event without a meaning in a state changes nothing. */
export function stepDest(state: DestState, event: DestEvent): DestStep {
  const stay: DestStep = { state, acts: [] };
  const follows = event.type === 'recorded' || event.type === 'record-failed';
  switch (state.phase) {
    case 'receiving':
      return stepReceiving(state, event);
    case 'committed':
      // What was read back may not be on the disk yet: it is written again before anything depends on it.
      if (event.type === 'restarted') return record(state, 'committed');
      if (event.type === 'recorded' && event.phase === 'committed')
        return { state: { ...state, commit: 'durable' }, acts: [{ do: 'activate' }] };
      if (event.type === 'record-failed' && event.phase === 'committed')
        return answer({ ...state, commit: 'maybe-torn' });
      if (event.type === 'activated') return record(state, 'activated');
      if (event.type === 'vanished') return answer({ ...state, vanished: true });
      // The commit is on the disk: without this record a restart activates the guest again.
      if (follows && event.phase === 'activated') return answer({ ...state, phase: 'activated' });
      return stay;
    case 'refusing':
      if (event.type === 'restarted') return record(state, 'refusing');
      if (event.type === 'destroyed') return record(state, 'refused');
      if (event.type === 'destroy-failed') return answer(state);
      // The copy is gone: without this record a restart refuses again.
      if (follows && event.phase === 'refused') return answer({ ...state, phase: 'refused' });
      return stepRefused(state, event);
    case 'activated':
    case 'refused':
      return stay;
  }
}
