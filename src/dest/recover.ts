import type { Deadlines } from '../control/deadlines.js';
import type { Reply } from '../control/messages.js';
import type { DestMachine } from '../handover/machines.js';
import type { Journal } from '../journal/journal.js';
import type { JournalEntry } from '../journal/journal-text.js';
import { destPhaseOf } from '../journal/open-migrations.js';
import { guestDomid } from '../toolstack/domid.js';
import type { Toolstack } from '../toolstack/toolstack.js';
import { Arrival } from './arrival.js';
import type { ArrivalHooks } from './arrival-hooks.js';

export interface RecoverContext {
  readonly toolstack: Toolstack;
  readonly journal: Journal;
  readonly deadlines: Deadlines;
  readonly hooks: ArrivalHooks;
  readonly machine: DestMachine;
  readonly log: (line: string) => void;
}

/**
 * Settles an arrival that a dead process left: before its commit the partial domain is removed,
 * after it the guest is let run. The caller holds the reservation of its UUID, so no live process is at work.
 */
export async function recoverArrival(
  context: RecoverContext,
  entry: JournalEntry,
): Promise<Extract<Reply, { type: 'outcome' }>> {
  const { header, state } = entry;
  const arrival = await Arrival.recover(
    {
      toolstack: context.toolstack,
      deadlines: context.deadlines,
      hooks: context.hooks,
      machine: context.machine,
      reconnectMs: 0,
      file: context.journal.resume(header.migration, 'dest'),
      onFailed: () => undefined,
      onEvent: () => undefined,
      onSettled: context.log,
    },
    { migration: header.migration, epoch: header.epoch, uuid: header.uuid, name: header.name },
    {
      phase: destPhaseOf(entry),
      run: state?.run ?? false,
      ...(state?.domid === undefined ? {} : { domid: guestDomid(state.domid) }),
    },
  );
  return arrival.outcome();
}
