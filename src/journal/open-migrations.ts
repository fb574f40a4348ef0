import { DEST_FINAL, type DestPhase } from '../handover/dest-side.js';
import { SOURCE_FINAL, type SourceState } from '../handover/source-side.js';
import type { JournalEntry } from './journal-text.js';

const SOURCE_STATES: readonly string[] = [
  'preparing',
  'performing',
  'in-doubt',
  'leaving',
  'returning',
  'released',
  'retained',
] satisfies SourceState[];

function isSourceState(state: string): state is SourceState {
  return SOURCE_STATES.includes(state);
}

/** The last state in a source's journal; a journal without a state was only begun. */
export function sourceStateOf(entry: JournalEntry): SourceState {
  const state = entry.state?.state;
  return state !== undefined && isSourceState(state) ? state : 'preparing';
}

const DEST_PHASES: readonly string[] = [
  'receiving',
  'committed',
  'activated',
  'refusing',
  'refused',
] satisfies DestPhase[];

function isDestPhase(state: string): state is DestPhase {
  return DEST_PHASES.includes(state);
}

/** The last phase in a destination's journal; without a state, or without a journal, nothing had been decided. */
export function destPhaseOf(entry: JournalEntry | undefined): DestPhase {
  const state = entry?.state?.state;
  return state !== undefined && isDestPhase(state) ? state : 'receiving';
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
  return entries.filter((entry) => entry.header.side === 'dest' && !DEST_FINAL.has(destPhaseOf(entry)));
}
