/**
 * The leaving side's half of the handover, as a pure state machine.
 *
 *   preparing --prepared--> performing --saved--> DECIDING --committed--> leaving --destroyed--> gone
 *       |                       |                    |
 *       | failed, cancel        | failed, cancel     | aborted
 *       v                       v                    v
 *      kept  <----resumed---- returning <------------+
 *
 * Up to `deciding` the guest is ours whatever happens, because the destination cannot commit without
 * our `finish`. From `deciding` on only the destination knows: we keep the copy suspended and ask,
 * until it says which. A record is durable before the acts behind it begin.
 */
export type SourceState = 'preparing' | 'performing' | 'deciding' | 'leaving' | 'returning' | 'gone' | 'kept';

/** Every state but the first leaves a record behind; before it, nothing was touched. */
export type RecordedState = Exclude<SourceState, 'preparing'>;

export type SourceEvent =
  /** The destination has reserved everything, and its lanes are open: its restore waits for the stream. */
  | 'prepared'
  /** The whole stream has been sent and acknowledged; the guest is suspended. */
  | 'saved'
  /** Anything broke on our side, on the way, or at a destination that has not been asked to finish. */
  | 'failed'
  /** Somebody wants the migration stopped. */
  | 'cancel'
  /** The destination's recorded answer. */
  | 'committed'
  | 'aborted'
  /** No answer: the connection broke, the deadline passed, or the destination has not decided yet. */
  | 'unanswered'
  | 'destroyed'
  | 'resumed'
  /** Our process starts again and finds this state in the journal. */
  | 'restarted';

export type SourceAct =
  | { readonly do: 'record'; readonly state: RecordedState }
  | { readonly do: 'save' }
  | { readonly do: 'send-finish' }
  | { readonly do: 'ask' }
  /** Best effort: the destination learns by itself, from the lost connection, that we gave up. */
  | { readonly do: 'send-cancel' }
  | { readonly do: 'send-confirm' }
  /** End our suspended copy. Only ever behind the destination's commit. */
  | { readonly do: 'destroy' }
  /** Let our copy run on, where the save had suspended it. Only ever while the destination cannot commit. */
  | { readonly do: 'resume' };

export interface SourceStep {
  readonly state: SourceState;
  readonly acts: readonly SourceAct[];
}

export const SOURCE_FINAL: ReadonlySet<SourceState> = new Set<SourceState>(['gone', 'kept']);

function enter(state: RecordedState, ...acts: Exclude<SourceAct['do'], 'record'>[]): SourceStep {
  return { state, acts: [{ do: 'record', state }, ...acts.map((act) => ({ do: act }))] };
}

/** The next state and what to do, in order. An event that says nothing new in a state changes nothing. */
export function stepSource(state: SourceState, event: SourceEvent): SourceStep {
  const stay: SourceStep = { state, acts: [] };
  switch (state) {
    case 'preparing':
      if (event === 'prepared') return enter('performing', 'save');
      if (event === 'failed' || event === 'cancel') return enter('kept', 'send-cancel');
      // A crash while preparing: the guest was never touched, but resume looks, and costs nothing.
      if (event === 'restarted') return enter('returning', 'send-cancel', 'resume');
      return stay;
    case 'performing':
      // The point of no return: once this record is durable, only the destination decides.
      if (event === 'saved') return enter('deciding', 'send-finish');
      if (event === 'failed' || event === 'cancel' || event === 'restarted')
        return enter('returning', 'send-cancel', 'resume');
      return stay;
    case 'deciding':
      if (event === 'committed') return enter('leaving', 'destroy');
      if (event === 'aborted') return enter('returning', 'resume');
      if (event === 'unanswered' || event === 'restarted') return { state, acts: [{ do: 'ask' }] };
      return stay;
    case 'leaving':
      if (event === 'destroyed') return enter('gone', 'send-confirm');
      if (event === 'restarted') return { state, acts: [{ do: 'destroy' }] };
      return stay;
    case 'returning':
      if (event === 'resumed') return enter('kept');
      if (event === 'restarted') return { state, acts: [{ do: 'resume' }] };
      return stay;
    case 'gone':
    case 'kept':
      return stay;
  }
}
