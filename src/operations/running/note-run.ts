import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { PausedReason, RunningReason } from '../../host/registry/run-records.js';
import type { LifecycleChange } from '../../host/participants/lifecycle-participant.js';

/** A domain's state, and the reason for it. */
export type RunState =
  | { readonly state: 'running'; readonly reason: RunningReason }
  | { readonly state: 'paused'; readonly reason: PausedReason }
  | { readonly state: 'pmsuspended'; readonly reason: 'unknown' };

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

/**
 * A domain that runs and is noted as suspended to memory was woken by another program, or its suspension never began: from here on the
 * note says that it runs, so that what suspends it next is not taken for that.
 */
export function correctNote(host: Host, info: DomainInfo): void {
  const { state } = info;
  const note = host.runs.get(info.uuid);
  if (note?.state !== 'pmsuspended' || note.domid !== info.domid) return;
  if (state === 'running' || state === 'paused') noteRun(host, info, { state, reason: 'unknown' });
}

/** Runs work that records something about a domain; a failure is logged. */
export function keepNote(host: Host, name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    host.log(`${name}: the reason for its state could not be recorded: ${messageOf(error)}`);
  }
}
