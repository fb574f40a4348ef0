import type { Host } from '../../host/host.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import type { RunRecord } from '../../host/registry/run-records.js';
import { stateText } from '../running/state-text.js';

/** A domain's state with its reason. */
export interface StateAndReason {
  readonly state: string;
  /** The reason, by libvirt's names; `unknown` if none was recorded. */
  readonly reason: string;
}

/** A domain's state, and the reason for it. @throws RefusedError `E_REFUSED_NO_DOMAIN` */
export async function domainState(host: Host, ref: string): Promise<StateAndReason> {
  const known = await host.findKnown(ref);
  return { state: stateText(known.info), reason: reasonOf(known, host.runs.get(known.uuid)) };
}

/** The toolstack reports the state; our recorded reason counts only if it belongs to that state and run. */
export function reasonOf({ info }: KnownDomain, noted: RunRecord | undefined): string {
  if (info === undefined) return noted?.state === 'shutoff' ? noted.reason : 'unknown';
  if (info.state === 'shutdown') return info.shutdownReason ?? 'unknown';
  if (noted === undefined || noted.state === 'shutoff') return 'unknown';
  return noted.state === info.state && noted.domid === info.domid ? noted.reason : 'unknown';
}
