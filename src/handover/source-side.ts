/**
 * The source's half of the handover, as a pure state machine.
 *
 *   preparing --prepared--> performing --saved--> IN DOUBT --committed--> leaving --destroyed--> released
 *       |                       |                    |
 *       | failed, cancel        | failed, cancel     | aborted
 *       v                       v                    v
 *    retained <---resumed---- returning <------------+
 *
 * Up to `in-doubt` the guest is ours whatever happens, because the destination cannot commit without our `finish`. From
 * `in-doubt` on only the destination knows: we keep the copy suspended and ask, until it answers. A state is entered
 * when its record is durable; a record that only repeats what the destination has recorded is not waited for.
 */
export type SourceState = 'preparing' | 'performing' | 'in-doubt' | 'leaving' | 'returning' | 'released' | 'retained';

/** Every state but the first has a record; in that one, nothing has been changed. */
export type RecordedState = Exclude<SourceState, 'preparing'>;

export type SourceEvent =
  | {
      readonly type:
        /** The destination has reserved everything, and its lanes are open: its restore waits for the stream. */
        | 'prepared'
        /** The whole stream has been sent and acknowledged; the guest is suspended. */
        | 'saved'
        /** Anything broke on our side, on the way, or at a destination that has not been asked to finish. */
        | 'failed'
        /** The migration is to stop. */
        | 'cancel'
        /** The destination's recorded answer. */
        | 'committed'
        | 'aborted'
        /** No answer: the connection broke, the deadline passed, or the destination has not decided yet. */
        | 'unanswered'
        /** The time for questions is over. */
        | 'gave-up'
        | 'destroyed'
        | 'destroy-failed'
        | 'resumed'
        | 'resume-failed'
        /** Our process starts again and finds this state in the journal. */
        | 'restarted';
    }
  /** The record is on the disk. */
  | { readonly type: 'recorded'; readonly state: RecordedState }
  /** Writing the record failed; it may be on the disk all the same. */
  | { readonly type: 'record-failed'; readonly state: RecordedState };

export type SourceAct =
  /** Answered by `recorded` or `record-failed`. */
  | { readonly do: 'record'; readonly state: RecordedState }
  /** Answered by `saved`, `failed` or `cancel`. */
  | { readonly do: 'save' }
  /** Answered by `committed`, `aborted` or `unanswered`. */
  | { readonly do: 'send-finish' }
  /** Ask until there is an answer. Answered by `committed`, `aborted` or `gave-up`. */
  | { readonly do: 'ask' }
  /** Best effort, no event: the destination learns from the lost connection that we gave up. */
  | { readonly do: 'send-cancel' }
  /** Best effort, no event: lets the destination forget sooner. */
  | { readonly do: 'send-confirm' }
  /** End our suspended copy. Only ever after the destination's commit. Answered by `destroyed` or `destroy-failed`. */
  | { readonly do: 'destroy' }
  /**
   * Let our copy run on where the save had suspended it. Only ever while the destination cannot commit. Answered by
   * `resumed` or `resume-failed`.
   */
  | { readonly do: 'resume' };

/** A transition: the new state, and the acts to carry out in order. */
export interface SourceStep {
  readonly state: SourceState;
  readonly acts: readonly SourceAct[];
}

export const SOURCE_FINAL: ReadonlySet<SourceState> = new Set<SourceState>(['released', 'retained']);

const record = (state: SourceState, next: RecordedState): SourceStep => ({
  state,
  acts: [{ do: 'record', state: next }],
});

const enter = (state: SourceState, ...acts: Exclude<SourceAct['do'], 'record'>[]): SourceStep => ({
  state,
  acts: acts.map((act) => ({ do: act })),
});

/** The next state and what to do, in order. An event without a meaning in a state changes nothing. */
export function stepSource(state: SourceState, event: SourceEvent): SourceStep {
  const stay: SourceStep = { state, acts: [] };
  if (event.type === 'recorded' || event.type === 'record-failed') return stepRecord(state, event);
  switch (state) {
    case 'preparing':
      if (event.type === 'prepared') return record(state, 'performing');
      if (event.type === 'failed' || event.type === 'cancel') return record(state, 'retained');
      // A crash while preparing: the guest was never suspended, but resuming checks that, at no cost.
      if (event.type === 'restarted') return record(state, 'returning');
      return stay;
    case 'performing':
      // The point of no return: once this record is durable, only the destination decides.
      if (event.type === 'saved') return record(state, 'in-doubt');
      if (event.type === 'failed' || event.type === 'cancel' || event.type === 'restarted')
        return record(state, 'returning');
      return stay;
    case 'in-doubt':
      if (event.type === 'committed') return record(state, 'leaving');
      if (event.type === 'aborted') return record(state, 'returning');
      if (event.type === 'unanswered' || event.type === 'restarted') return enter(state, 'ask');
      return stay;
    case 'leaving':
      if (event.type === 'destroyed') return record(state, 'released');
      if (event.type === 'restarted') return enter(state, 'destroy');
      return stay;
    case 'returning':
      if (event.type === 'resumed') return record(state, 'retained');
      if (event.type === 'restarted') return enter(state, 'resume');
      return stay;
    case 'released':
    case 'retained':
      return stay;
  }
}

/** Which states each state may be entered from. */
const BEFORE: Readonly<Record<RecordedState, readonly SourceState[]>> = {
  performing: ['preparing'],
  'in-doubt': ['performing'],
  leaving: ['in-doubt'],
  returning: ['preparing', 'performing', 'in-doubt'],
  released: ['leaving'],
  retained: ['preparing', 'returning'],
};

/** What follows a record, or its failure. */
function stepRecord(
  state: SourceState,
  event: Extract<SourceEvent, { readonly type: 'recorded' | 'record-failed' }>,
): SourceStep {
  if (!BEFORE[event.state].includes(state)) return enter(state);
  const isDurable = event.type === 'recorded';
  switch (event.state) {
    case 'performing':
      return isDurable ? enter('performing', 'save') : record(state, 'retained');
    case 'in-doubt':
      // Nothing has been requested from the destination yet.
      return isDurable ? enter('in-doubt', 'send-finish') : record(state, 'returning');
    // These follow from what the destination has recorded, or cannot record: a restart determines them again by asking.
    case 'leaving':
      return enter('leaving', 'destroy');
    case 'returning':
      return state === 'in-doubt' ? enter('returning', 'resume') : enter('returning', 'send-cancel', 'resume');
    case 'retained':
      return state === 'preparing' ? enter('retained', 'send-cancel') : enter('retained');
    case 'released':
      // The destination forgets a confirmed migration, so a source that asked again would be refused.
      return isDurable ? enter('released', 'send-confirm') : enter('released');
  }
}
