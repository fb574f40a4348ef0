import { Deadline } from '../../errors/deadline.js';
import type { DomainInfo, GuestConfig } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';

/** A running domain with its configuration. */
export interface RunningGuest {
  readonly info: DomainInfo;
  readonly config: GuestConfig;
}

/**
 * A running domain and its configuration. @throws RefusedError `E_REFUSED_NOT_RUNNING`, `E_REFUSED_NO_DOMAIN`,
 * `E_REFUSED_DOMAIN0`; DeadlineError `E_DEADLINE_TOOLSTACK`; the signal's reason
 */
export async function runningGuest(host: Host, ref: string, signal: AbortSignal): Promise<RunningGuest> {
  using looking = new Deadline(signal, host.deadlines.callMs, 'E_DEADLINE_TOOLSTACK', 'the state of the domain');
  const info = await host.find(ref, looking.signal);
  return { info, config: await host.toolstack.describe(info.domid, looking.signal) };
}
