import type { KnownDomain } from '../../host/registry/known-domain.js';
import type { RunRecord } from '../../host/registry/run-records.js';
import { reasonOf } from '../../operations/lifecycle/domain-state.js';

/** virDomainState. */
export const STATE = {
  noState: 0,
  running: 1,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/** The details of each state (virDomainRunningReason and its like), by the words that this host notes. What is not here is 0, unknown. */
const REASON: Readonly<Record<'running' | 'paused' | 'shutoff', Readonly<Record<string, number>>>> = {
  running: { booted: 1, migrated: 2, restored: 3, unpaused: 5, 'migration canceled': 6, 'save canceled': 7, wakeup: 8 },
  paused: { user: 1, migration: 2, migrating: 2, saving: 3, 'starting up': 11 },
  shutoff: { shutdown: 1, destroyed: 2, crashed: 3, migrated: 4, saved: 5, failed: 6 },
};

/** libvirt's numbers: virDomainState, and the reason of that state. */
export interface NumberedState {
  readonly state: number;
  readonly reason: number;
}

/** State and reason of a domain in libvirt's numbers. A guest that is suspended for a save or migration is paused, as libvirt has it. */
export function stateOf(known: KnownDomain, noted: RunRecord | undefined): NumberedState {
  const { info } = known;
  const reason = reasonOf(known, noted);
  const detail = (of: keyof typeof REASON): number => new Map(Object.entries(REASON[of])).get(reason) ?? 0;
  if (info === undefined) return { state: STATE.shutoff, reason: detail('shutoff') };
  switch (info.state) {
    case 'running':
      return { state: STATE.running, reason: detail('running') };
    case 'paused':
      return { state: STATE.paused, reason: detail('paused') };
    case 'pmsuspended':
      return { state: STATE.pmSuspended, reason: 0 };
    case 'dying':
      return { state: STATE.shutdown, reason: 0 };
    case 'shutdown':
      if (info.shutdownReason === 'suspend') return { state: STATE.paused, reason: REASON.paused.migration };
      if (info.shutdownReason === 'crash') return { state: STATE.crashed, reason: 1 };
      return { state: STATE.shutdown, reason: 1 };
  }
}
