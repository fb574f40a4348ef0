import { SOURCE_FINAL, type SourceState } from '../handover/source-side.js';
import type { JournalEntry } from './journal-text.js';

const SOURCE_STATES: readonly string[] = [
  'preparing',
  'performing',
  'deciding',
  'leaving',
  'returning',
  'gone',
  'kept',
] satisfies SourceState[];

function isSourceState(state: string): state is SourceState {
  return SOURCE_STATES.includes(state);
}

/** The state that a source's journal ends in; one without a state was only begun. */
export function sourceStateOf(entry: JournalEntry): SourceState {
  const state = entry.state?.state;
  return state !== undefined && isSourceState(state) ? state : 'preparing';
}

/** Journals of migrations, either side, that are not settled. */
export function openMigrations(entries: readonly JournalEntry[]): JournalEntry[] {
  const departures = entries.filter(
    (entry) => entry.header.side === 'source' && !SOURCE_FINAL.has(sourceStateOf(entry)),
  );
  return [...departures, ...openArrivals(entries)];
}

/** Journals of arrivals that are not settled. */
export function openArrivals(entries: readonly JournalEntry[]): JournalEntry[] {
  return entries.filter(
    ({ header, state }) => header.side === 'dest' && state?.state !== 'arrived' && state?.state !== 'refused',
  );
}
