import { setTimeout as sleep } from 'node:timers/promises';
import { ToolstackError } from '../../../errors/errors.js';
import { monotonicMs } from '../clock.js';
import type { ActiveFault, FaultName } from '../faults.js';
import type { HostFolder } from '../host-folder.js';
import { withDomain } from '../locked-domain.js';
import { changeRunState } from '../run-state.js';

/**
 * Asks the guest to suspend, and waits until it has. A paused domain suspends too, as a PVH or HVM
 * guest does under Xen, where the toolstack stops it.
 * @returns the time of the suspension, on the monotonic clock
 * @throws ToolstackError E_TOOLSTACK_GUEST_TIMEDOUT (it runs on), E_TOOLSTACK_GUEST_STOPPED
 */
export async function suspendGuest(
  host: HostFolder,
  domid: number,
  faults: ReadonlyMap<FaultName, ActiveFault>,
  signal: AbortSignal,
): Promise<number> {
  const refuses = faults.get('refuse-suspend');
  if (refuses !== undefined) {
    await sleep(refuses.timeoutMs, undefined, { signal });
    throw new ToolstackError(
      'E_TOOLSTACK_GUEST_TIMEDOUT',
      `the guest did not suspend within ${(refuses.timeoutMs / 1000).toFixed(1)} s`,
      { hint: 'It keeps running. Check whether its kernel has PV drivers and responds.', data: { domid } },
    );
  }
  return withDomain(host, domid, signal, (domain) => {
    if (faults.has('crash-on-suspend')) changeRunState(domain, { shutdown: 'crash' }, 'crashed when asked to suspend');
    const { shutdown } = domain.record;
    if (shutdown !== null) {
      throw new ToolstackError('E_TOOLSTACK_GUEST_STOPPED', `the guest stopped by itself (${shutdown})`, {
        hint:
          shutdown === 'crash' ? 'The guest crashed; its console may show why.' : 'There is nothing left to migrate.',
        data: { domid, reason: shutdown },
      });
    }
    changeRunState(domain, { shutdown: 'suspend' }, 'save');
    return monotonicMs();
  });
}
