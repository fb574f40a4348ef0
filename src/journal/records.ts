import { z } from 'zod';
import type { DestPhase } from '../handover/dest-side.js';
import type { RecordedState } from '../handover/source-side.js';

/** Which side of a migration a journal speaks for. */
export type JournalSide = 'source' | 'dest';

/** Format of the files; a higher number than ours is refused, never guessed at. */
export const JOURNAL_VERSION = 1;

/** First line of a journal: which migration this is, and how to find its domain and its other side. */
export const headerSchema = z.object({
  journal: z.literal(JOURNAL_VERSION),
  side: z.enum(['source', 'dest']),
  migration: z.uuid(),
  epoch: z.int().positive(),
  uuid: z.uuid(),
  /** The domain's name on this side, once it has arrived. */
  name: z.string(),
  /** The source's copy; the destination's gets its id later. */
  domid: z.int().positive().optional(),
  /** Where the other side is: the destination URI, or the source's host name. */
  peer: z.string(),
  /** Who the transport said the other side was. At the source since release 1.0. */
  identity: z.string().max(1024).optional(),
  /** The public key that it had then, where the transport told one; absent in journals of older versions. */
  key: z.string().max(1024).optional(),
  /** The source asked after it, and it never was prepared at this destination. */
  neverHere: z.literal(true).optional(),
  startedAt: z.iso.datetime(),
  /** The source forgets its definition once the guest has arrived: in any case, or where the destination keeps one. */
  undefineSource: z.enum(['always', 'when-persistent']).optional(),
});
export type JournalHeader = z.infer<typeof headerSchema>;

/**
 * Words that stand for a state in the files, where they differ from the state's name. The files keep the words of the first
 * release, so that it can read them; both are read.
 */
const WORDS = {
  'in-doubt': 'deciding',
  released: 'gone',
  retained: 'kept',
  committed: 'arriving',
  activated: 'arrived',
} as const;

const STATES = [
  'performing',
  'in-doubt',
  'leaving',
  'returning',
  'released',
  'retained',
  'receiving',
  'committed',
  'activated',
  'refusing',
  'refused',
] as const satisfies readonly (RecordedState | DestPhase)[];
type State = (typeof STATES)[number];

const stateOf = new Map<string, State>([
  ...STATES.map((state) => [state, state] as const),
  ...STATES.map((state) => [journalWord(state), state] as const),
]);

/** The word that stands for a state in the files. */
export function journalWord(state: State): string {
  return state in WORDS ? WORDS[state as keyof typeof WORDS] : state;
}

/** Every further line: a state that was entered. States are those of src/handover. */
export const stateSchema = z.object({
  state: z.string().transform((word, context): State => {
    const state = stateOf.get(word);
    if (state !== undefined) return state;
    context.addIssue({ code: 'custom', message: `unknown state ${word}` });
    return z.NEVER;
  }),
  at: z.iso.datetime(),
  /** The destination's domain, once known. */
  domid: z.int().positive().optional(),
  /** Whether the guest is to run once it has arrived. */
  run: z.boolean().optional(),
  why: z.string().optional(),
  /** With `activated`: the source has said that its own copy is gone, and will not ask again. */
  confirmed: z.literal(true).optional(),
});
export type JournalState = z.infer<typeof stateSchema>;

/** A state as it is written down. */
export function stateRecord(state: JournalState): Record<string, unknown> {
  return { ...state, state: journalWord(state.state) };
}
