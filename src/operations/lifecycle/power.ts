import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../errors/deadline.js';
import { RefusedError, ToolstackError } from '../../errors/errors.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { needAbility } from '../running/need-ability.js';
import { stateError } from './pause.js';
import { endDomain } from '../running/stop-domain.js';
import { withRunning } from '../running/with-domain.js';

/** Ways to signal a guest, by libvirt's names. */
export const POWER_MODES = ['paravirt', 'acpi'] as const;
export type PowerMode = (typeof POWER_MODES)[number];

function mayBeAsked(info: DomainInfo, done: string): void {
  if (info.state !== 'running' && info.state !== 'paused') throw stateError(info, done, 'running');
}

/**
 * Asks a guest to shut down: by its Xen drivers or, if it has none, by its power button. Does not wait for the
 * shutdown.
 * @param modes which of the two may be used; none: both
 * @throws RefusedError `E_REFUSED_STATE`, `E_REFUSED_UNSUPPORTED`; ToolstackError `E_TOOLSTACK_NO_PARAVIRT`
 */
export async function shutdownDomain(
  host: Host,
  ref: string,
  modes: readonly PowerMode[],
  signal: AbortSignal,
): Promise<DomainInfo & { readonly by: PowerMode }> {
  return withRunning(host, { ref, why: 'shutting it down', signal }, async (info, held) => {
    mayBeAsked(info, 'shut down');
    return { ...info, by: await askToStop(host, info, modes, held.signal) };
  });
}

async function askToStop(
  host: Host,
  info: DomainInfo,
  modes: readonly PowerMode[],
  signal: AbortSignal,
): Promise<PowerMode> {
  const may = (mode: PowerMode): boolean => modes.length === 0 || modes.includes(mode);
  if (may('paravirt')) {
    try {
      await host.toolstack.shutdown(info.domid, signal);
      return 'paravirt';
    } catch (error) {
      if (!(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_NO_PARAVIRT' || !may('acpi')) throw error;
    }
  }
  await needAbility(host, 'buttons', signal);
  await host.toolstack.powerButton(info.domid, signal);
  return 'acpi';
}

/** Asks a guest to reboot, by its Xen drivers; no button has that meaning. @throws as `shutdownDomain` */
export async function rebootDomain(
  host: Host,
  ref: string,
  modes: readonly PowerMode[],
  signal: AbortSignal,
): Promise<DomainInfo> {
  if (modes.length > 0 && !modes.includes('paravirt')) {
    throw new RefusedError('E_REFUSED_UNSUPPORTED', 'a guest can be asked to reboot by its Xen drivers only', {
      hint: 'Use --mode paravirt, or `reset`.',
    });
  }
  return withRunning(host, { ref, why: 'rebooting it', signal }, async (info, held) => {
    mayBeAsked(info, 'rebooted');
    await host.toolstack.reboot(info.domid, held.signal);
    return info;
  });
}

/** Presses the reset button of an HVM guest. @throws RefusedError `E_REFUSED_STATE`, `E_REFUSED_UNSUPPORTED` */
export async function resetDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withRunning(host, { ref, why: 'resetting it', signal }, async (info, held) => {
    mayBeAsked(info, 'reset');
    await needAbility(host, 'buttons', held.signal);
    await host.toolstack.reset(info.domid, held.signal);
    return info;
  });
}

/** Destroys a domain at once, without asking its guest. */
export async function destroyDomain(host: Host, ref: string, signal: AbortSignal): Promise<DomainInfo> {
  return withRunning(host, { ref, why: 'destroying it', signal }, async (info) => {
    await endDomain(host, info, 'destroyed', signal);
    return info;
  });
}

/** Interval at which a domain that was asked to stop is checked. */
const LOOK_MS = 100;

/**
 * Asks a guest to shut down, and destroys the domain once it has; a guest that does not in time runs on.
 * @throws DeadlineError `E_DEADLINE_SHUTDOWN`, and as `shutdownDomain`
 */
export async function destroyGracefully(
  host: Host,
  ref: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<DomainInfo> {
  return withRunning(host, { ref, why: 'shutting it down', signal }, async (info, held) => {
    mayBeAsked(info, 'shut down');
    using deadline = new Deadline(held.signal, waitMs, 'E_DEADLINE_SHUTDOWN', `the shutdown of ${info.name}`);
    await askToStop(host, info, [], deadline.signal);
    for (;;) {
      const now = await host.toolstack.info(info.domid, deadline.signal);
      if (now?.uuid !== info.uuid) return info; // it ended by itself: the watcher does the rest
      if (now.state === 'shutdown') break;
      await sleep(LOOK_MS, undefined, { signal: deadline.signal }).catch(() => deadline.signal.throwIfAborted());
    }
    await endDomain(host, info, 'shutdown', signal);
    return info;
  });
}
