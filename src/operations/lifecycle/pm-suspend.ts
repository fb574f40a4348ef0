import { Deadline } from '../../errors/deadline.js';
import { RefusedError, ToolstackError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { DomainInfo } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { RunRecord } from '../../host/registry/run-records.js';
import { needAbility } from '../running/need-ability.js';
import { keepNote, tellRun } from '../running/note-run.js';
import { refuseWhileArriving, refuseWhileLeaving } from '../running/open-migration.js';
import { withRunning } from '../running/with-domain.js';
import { stateError } from './pause.js';

/** Targets of a suspension, by libvirt's names. Xen's toolstack can do the first. */
export const PM_TARGETS = ['mem', 'disk', 'hybrid'] as const;
export type PmTarget = (typeof PM_TARGETS)[number];

/** Options of `pmSuspend`. */
export interface PmSuspendRequest {
  readonly target: PmTarget;
  /** Seconds after which it is to wake by itself; 0: none. */
  readonly duration: number;
}

/**
 * Lets a guest suspend itself to memory (L09). The intention is on the disk before the guest is asked, so that the domain
 * can at no time be taken for an unfinished save. On failure the guest continues to run.
 * @throws RefusedError `E_REFUSED_UNSUPPORTED`, `E_REFUSED_STATE`, `E_REFUSED_ARRIVING`; ToolstackError, SystemError
 */
export async function pmSuspendDomain(
  host: Host,
  ref: string,
  request: PmSuspendRequest,
  signal: AbortSignal,
): Promise<DomainInfo> {
  refuseOther(request);
  return withRunning(host, { ref, why: 'suspending it to memory', signal }, async (info, held) => {
    if (info.state !== 'running') throw stateError(info, 'suspended to memory', 'running');
    await needAbility(host, 'pm-suspend', held.signal);
    refuseWhileArriving(host, info);
    const before = host.runs.get(info.uuid);
    host.runs.put(info.uuid, {
      ...{ version: 1, name: info.name, at: new Date().toISOString() },
      ...{ state: 'pmsuspended', reason: 'unknown', domid: info.domid },
    });
    try {
      await host.toolstack.suspendToMemory(info.domid, held.signal);
    } catch (error) {
      await bringBack(host, info, before, error);
      throw error;
    }
    const { uuid, name, domid } = info;
    host.participants.changed({ uuid, name, domid, change: { event: 'pmsuspended', detail: 'memory' } });
    return info;
  });
}

function refuseOther({ target, duration }: PmSuspendRequest): void {
  if (target !== 'mem') {
    throw new RefusedError('E_REFUSED_UNSUPPORTED', `guests of Xen cannot be suspended to ${target} by their host`, {
      hint: 'Use `mem`; `managedsave` keeps a guest on the disk until its next start.',
    });
  }
  if (duration !== 0) {
    throw new RefusedError('E_REFUSED_UNSUPPORTED', 'a suspended guest cannot be woken after a given duration', {
      hint: 'Leave --duration out, and run `xenferry dompmwakeup` when it shall run on.',
    });
  }
}

/** The guest runs on, and its note says what it said. @throws ToolstackError `E_TOOLSTACK_RESUME` where it stays suspended */
async function bringBack(host: Host, info: DomainInfo, before: RunRecord | undefined, cause: unknown): Promise<void> {
  const { callMs } = host.deadlines;
  using deadline = new Deadline(new AbortController().signal, callMs, 'E_DEADLINE_TOOLSTACK', 'resuming');
  try {
    const now = await host.toolstack.info(info.domid, deadline.signal);
    if (now?.uuid === info.uuid && now.shutdownReason === 'suspend') {
      await host.toolstack.resume(info.domid, deadline.signal);
    }
  } catch (error) {
    // Its note stays: where it is suspended, that was meant.
    throw new ToolstackError(
      'E_TOOLSTACK_RESUME',
      `suspending ${info.name} failed: ${messageOf(cause)}; the guest may be suspended and could not be resumed: ${messageOf(error)}`,
      { cause, hint: `Run \`${ownCommand('dompmwakeup', info.name)}\`.` },
    );
  }
  keepNote(host, info.name, () => {
    if (before === undefined) host.runs.remove(info.uuid);
    else host.runs.put(info.uuid, before);
  });
}

/** `woken`: it runs. `asked`: an HVM guest that runs was sent the end of an ACPI S3 sleep; whether it slept, the toolstack cannot say. */
export type WakeUp = DomainInfo & { readonly how: 'woken' | 'asked' };

/**
 * Lets a guest run on that was suspended to memory.
 * @throws RefusedError `E_REFUSED_STATE`, `E_REFUSED_IN_DOUBT`, `E_REFUSED_LEASE`; ToolstackError
 */
export async function pmWakeUpDomain(host: Host, ref: string, signal: AbortSignal): Promise<WakeUp> {
  return withRunning(host, { ref, why: 'waking it up', signal }, async (info, held) => {
    if (info.state !== 'pmsuspended') {
      await wakeFromS3(host, info, held.signal);
      return { ...info, how: 'asked' };
    }
    refuseWhileLeaving(host, info);
    await host.leases.migrating.check(info.uuid, held.signal);
    await host.toolstack.resume(info.domid, held.signal);
    tellRun(host, info, { state: 'running', reason: 'wakeup' }, { event: 'started', detail: 'wakeup' });
    return { ...info, how: 'woken' };
  });
}

/** A guest that went to sleep by itself looks as if it ran. @throws RefusedError `E_REFUSED_STATE` where it cannot have */
async function wakeFromS3(host: Host, info: DomainInfo, signal: AbortSignal): Promise<void> {
  const mayBe = info.state === 'running' && (await host.toolstack.describe(info.domid, signal)).domain.type === 'hvm';
  if (!mayBe) {
    const hint =
      info.shutdownReason === 'suspend'
        ? `An unfinished save or migration left it suspended: run \`xenferry recover\`, or \`${ownCommand('resume', info.name)}\` if no migration is open.`
        : `\`${ownCommand('domstate', info.name)}\` shows how it is.`;
    const { message } = stateError(info, 'woken up', 'pmsuspended');
    throw new RefusedError('E_REFUSED_STATE', message, { hint });
  }
  await needAbility(host, 'buttons', signal);
  await host.toolstack.wakeFromS3(info.domid, signal);
}
