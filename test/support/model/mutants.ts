import type { DestAct, DestEvent, DestState, DestStep } from '../../../src/handover/dest-side.js';
import { HANDOVER, type HandoverMachines } from '../../../src/handover/machines.js';
import type { SourceEvent, SourceState, SourceStep } from '../../../src/handover/source-side.js';

/** A rule of the handover that is broken. */
export interface Mutant {
  readonly name: string;
  readonly machines: HandoverMachines;
}

const { source, dest } = HANDOVER;

/** The source's rules, but for what `change` gives. */
function sourceMutant(
  name: string,
  change: (state: SourceState, event: SourceEvent) => SourceStep | undefined,
): Mutant {
  const step = (state: SourceState, event: SourceEvent): SourceStep =>
    change(state, event) ?? source.step(state, event);
  return { name, machines: { source: { step }, dest } };
}

function destMutant(name: string, change: (state: DestState, event: DestEvent) => DestStep | undefined): Mutant {
  const step = (state: DestState, event: DestEvent): DestStep => change(state, event) ?? dest.step(state, event);
  return { name, machines: { source, dest: { ...dest, step } } };
}

const destRules = (name: string, rules: Partial<HandoverMachines['dest']>): Mutant => ({
  name,
  machines: { source, dest: { ...dest, ...rules } },
});

/** Records `refusing` only after the copy is gone. */
function refusalAfterDestroy(state: DestState, event: DestEvent): DestStep | undefined {
  const step = dest.step(state, event);
  const asks = (act: DestAct): boolean => act.do === 'record' && act.phase === 'refusing';
  if (!step.acts.some(asks)) return undefined;
  return { state: { ...step.state, phase: 'refusing' }, acts: [{ do: 'destroy' }] };
}

/** One for each rule that the handover rests on; a test requires that each is found. */
export const MUTANTS: readonly Mutant[] = [
  destMutant('commits without comparing digests', (state, event) => {
    if (state.phase !== 'receiving') return undefined;
    if (event.type === 'finish') return dest.step(state, { ...event, digest: state.restored ?? event.digest });
    if (event.type === 'restored') return dest.step(state, { ...event, digest: state.finish ?? event.digest });
    return undefined;
  }),
  destMutant('lets the guest run before the commit is recorded', (state, event) =>
    state.phase === 'receiving' && event.type === 'claimed'
      ? { state: { ...state, phase: 'committed', commit: 'durable' }, acts: [{ do: 'activate' }] }
      : undefined,
  ),
  destMutant('takes a torn commit for none', (state, event) =>
    event.type === 'record-failed' && event.phase === 'committed' && state.phase === 'receiving'
      ? { state, acts: [{ do: 'record', phase: 'refusing' }] }
      : undefined,
  ),
  destMutant('takes a commit that failed to be written for durable', (state, event) =>
    event.type === 'record-failed' && event.phase === 'committed'
      ? dest.step(state, { type: 'recorded', phase: 'committed' })
      : undefined,
  ),
  destMutant('destroys the copy before the refusal is recorded', refusalAfterDestroy),
  destMutant('answers aborted though the refusal was not recorded after a torn commit', (state, event) =>
    event.type === 'record-failed' && event.phase === 'refusing'
      ? { state: { ...state, phase: 'refusing' }, acts: [{ do: 'answer', outcome: 'aborted' }] }
      : undefined,
  ),
  destRules('answers aborted before anything is decided', {
    outcomeOf: (state) => (state.phase === 'receiving' ? 'aborted' : dest.outcomeOf(state)),
  }),
  destRules('answers committed before anything is decided', {
    outcomeOf: (state) => (state.phase === 'receiving' ? 'committed' : dest.outcomeOf(state)),
  }),
  destRules('takes a vanished guest for aborted', {
    outcomeOf: (state) => (state.vanished ? 'aborted' : dest.outcomeOf(state)),
    step: (state, event) =>
      event.type === 'vanished'
        ? { state: { ...state, vanished: true }, acts: [{ do: 'answer', outcome: 'aborted' }] }
        : dest.step(state, event),
  }),
  destRules('takes a vanished guest for committed', {
    step: (state, event) =>
      event.type === 'vanished' ? { state, acts: [{ do: 'answer', outcome: 'committed' }] } : dest.step(state, event),
  }),
  destRules('does not check the epoch', {
    admission: (attempt) => dest.admission({ ...attempt, highestEpoch: 0 }),
  }),
  sourceMutant('resumes after finish was sent', (state, event) =>
    state === 'in-doubt' && event.type === 'unanswered'
      ? { state, acts: [{ do: 'record', state: 'returning' }] }
      : undefined,
  ),
  sourceMutant('stops for a cancel after finish was sent', (state, event) =>
    state === 'in-doubt' && event.type === 'cancel'
      ? { state, acts: [{ do: 'record', state: 'returning' }] }
      : undefined,
  ),
  sourceMutant('resumes what it finds in doubt after a restart', (state, event) =>
    state === 'in-doubt' && event.type === 'restarted'
      ? { state, acts: [{ do: 'record', state: 'returning' }] }
      : undefined,
  ),
  sourceMutant('destroys its copy on pending', (state, event) =>
    state === 'in-doubt' && event.type === 'unanswered'
      ? { state, acts: [{ do: 'record', state: 'leaving' }] }
      : undefined,
  ),
  sourceMutant('sends finish before it is in doubt by its journal', (state, event) =>
    state === 'performing' && event.type === 'saved' ? { state: 'in-doubt', acts: [{ do: 'send-finish' }] } : undefined,
  ),
  sourceMutant('confirms before leaving is recorded', (state, event) =>
    state === 'in-doubt' && event.type === 'committed'
      ? { state, acts: [{ do: 'send-confirm' }, { do: 'record', state: 'leaving' }] }
      : undefined,
  ),
  sourceMutant('confirms though released was not recorded', (state, event) =>
    state === 'leaving' && event.type === 'record-failed'
      ? source.step(state, { type: 'recorded', state: 'released' })
      : undefined,
  ),
];
