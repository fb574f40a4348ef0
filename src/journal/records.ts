import { z } from '../errors/zod.js';
import type { DestPhase } from '../handover/dest-side.js';
import type { RecordedState } from '../handover/source-side.js';

/** The side of a migration that wrote a journal. */
export type JournalSide = 'source' | 'dest';

/** Format of the files; a file with a higher number is refused. */
export const JOURNAL_VERSION = 1;

/** First line of a journal: which migration this is, and how to find its domain and its peer. */
export const headerSchema = z.object({
  journal: z.literal(JOURNAL_VERSION),
  side: z.enum(['source', 'dest']),
  migration: z.uuid(),
  epoch: z.int().positive(),
  uuid: z.uuid(),
  /** The domain's name on this side, after the migration. */
  name: z.string(),
  /** The source's copy; the destination's gets its id later. */
  domid: z.int().positive().optional(),
  /** Address of the other side: the destination URI, or the source's host name. */
  peer: z.string(),
  /** The peer's identity as authenticated by the transport. At the source since release 1.0. */
  identity: z.string().max(1024).optional(),
  /** The peer's public key at that time, if the transport provides one; absent in journals of older versions. */
  key: z.string().max(1024).optional(),
  /** The source asked about this migration, which was never prepared at this destination. */
  neverHere: z.literal(true).optional(),
  startedAt: z.iso.datetime(),
  /** The source removes its definition once the guest has arrived: always, or if the destination keeps one. */
  undefineSource: z.enum(['always', 'when-persistent']).optional(),
});
export type JournalHeader = z.infer<typeof headerSchema>;

/**
 * Names of states in the files, where they differ from the states' names in the code. The files keep the names of the
 * first release, so that it can read them; both are read.
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

/** The name of a state in the files. */
export function journalWord(state: State): string {
  return state in WORDS ? WORDS[state as keyof typeof WORDS] : state;
}

/** Each further line: a state that was entered. The states are those of src/handover. */
export const stateSchema = z.object({
  state: z.string().transform((word, context): State => {
    const state = stateOf.get(word);
    if (state !== undefined) return state;
    context.addIssue({ code: 'custom', message: `unknown state ${word}` });
    return z.NEVER;
  }),
  at: z.iso.datetime(),
  /** The destination's domain, when it is known. */
  domid: z.int().positive().optional(),
  /** Whether the guest is to run once it has arrived. */
  run: z.boolean().optional(),
  why: z.string().optional(),
  /** With `activated`: the source has confirmed that its own copy is gone, and will not ask again. */
  confirmed: z.literal(true).optional(),
});
export type JournalState = z.infer<typeof stateSchema>;

/** A state as a journal record. */
export function stateRecord(state: JournalState): Record<string, unknown> {
  return { ...state, state: journalWord(state.state) };
}
