import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { PausedReason, RunningReason } from '../../host/registry/run-records.js';
import type { LifecycleChange } from '../../host/participants/lifecycle-participant.js';

/** What a domain is now, and why. */
export type RunState =
  | { readonly state: 'running'; readonly reason: RunningReason }
  | { readonly state: 'paused'; readonly reason: PausedReason };

/** Notes why a domain is as it is. A note that cannot be written is logged: the domain is as it is all the same. */
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

/** The same with a word to all who listen. */
export function tellRun(host: Host, info: DomainInfo, now: RunState, change: LifecycleChange): void {
  noteRun(host, info, now);
  host.participants.changed({ uuid: info.uuid, name: info.name, domid: info.domid, change });
}

/** Runs what keeps a note of a domain; what goes wrong with it is logged. */
export function keepNote(host: Host, name: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    host.log(`${name}: why it is in its state could not be noted: ${messageOf(error)}`);
  }
}
