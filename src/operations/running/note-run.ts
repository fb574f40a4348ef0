import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { PausedReason, RunningReason } from '../../host/registry/run-records.js';
import type { LifecycleChange } from '../../host/participants/lifecycle-participant.js';

/** A domain's state, and the reason for it. */
export type RunState =
  | { readonly state: 'running'; readonly reason: RunningReason }
  | { readonly state: 'paused'; readonly reason: PausedReason };

/** Records the reason for a domain's state. A failure is logged: the domain's state does not depend on the record. */
export function noteRun(host: Host, info: DomainInfo, now: RunState): void {
  keepNote(host, info.name, () =>
    host.runs.put(info.uuid, {
      version: 1,
      name: info.name,
      at: new Date().toISOString(),
      domid: info.domid,
      ...now,
    }),
  );
}

/** As `noteRun`, and emits the event. */
export function tellRun(host: Host, info: DomainInfo, now: RunState, change: LifecycleChange): void {
  noteRun(host, info, now);
  host.participants.changed({ uuid: info.uuid, name: info.name, domid: info.domid, change });
}

/** Runs work that records something about a domain; a failure is logged. */
export function keepNote(host: Host, name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    host.log(`${name}: the reason for its state could not be recorded: ${messageOf(error)}`);
  }
}
