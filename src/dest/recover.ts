import type { Deadlines } from '../control/deadlines.js';
import type { Reply } from '../control/messages.js';
import type { DestPhase } from '../handover/dest-side.js';
import type { Journal } from '../journal/journal.js';
import type { JournalEntry } from '../journal/journal-text.js';
import { guestDomid } from '../toolstack/domid.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import { Arrival } from './arrival.js';
import type { Welcome } from './welcome.js';

const DEST_PHASES: readonly string[] = [
  'receiving',
  'arriving',
  'arrived',
  'refusing',
  'refused',
] satisfies DestPhase[];

function isDestPhase(state: string): state is DestPhase {
  return DEST_PHASES.includes(state);
}

export interface RecoverContext {
  readonly toolstack: Toolstack;
  readonly journal: Journal;
  readonly deadlines: Deadlines;
  readonly welcome: Welcome;
  readonly log: (line: string) => void;
}

/**
 * Settles an arrival that a dead process left behind: before its commit the partial domain is removed,
 * behind it the guest is let run. The caller holds the reservation of its UUID, so no live process is at work.
 */
export async function recoverArrival(
  context: RecoverContext,
  entry: JournalEntry,
): Promise<Extract<Reply, { type: 'outcome' }>> {
  const { header, state } = entry;
  const phase = state !== undefined && isDestPhase(state.state) ? state.state : 'receiving';
  const arrival = await Arrival.recover(
    {
      toolstack: context.toolstack,
      deadlines: context.deadlines,
      welcome: context.welcome,
      reconnectMs: 0,
      file: context.journal.resume(header.migration, 'dest'),
      onFailed: () => undefined,
      onEvent: () => undefined,
      onSettled: context.log,
    },
    { migration: header.migration, epoch: header.epoch, uuid: header.uuid, name: header.name },
    {
      phase,
      run: state?.run ?? false,
      ...(state?.domid === undefined ? {} : { domid: guestDomid(state.domid) }),
    },
  );
  return arrival.outcome();
}
