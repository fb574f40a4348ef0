import { carriedCode } from '../../errors/codes.js';
import { RefusedError, ToolstackError, XenferryError } from '../../errors/errors.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import { guestDomid, type Domid } from '../../toolstack/domid.js';
import type { DomainInfo, GuestConfig } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { collisionOf } from '../../host/registry/collisions.js';
import { makeRoom, mayShrinkDom0 } from '../../host/memory/make-room.js';
import type { Starting } from '../../host/participants/lifecycle-participant.js';
import { tellRun } from './note-run.js';
import { refuseWhileArriving, refuseWhileLeaving } from './open-migration.js';
import { noteStopped } from './stop-domain.js';

/** What is special about one way of starting a domain. */
export interface StartPlan {
  readonly config: GuestConfig;
  readonly how: 'booted' | 'restored';
  readonly paused: boolean;
  /** The operator states that the other holders of its disks' leases are dead. */
  readonly forceLease?: boolean | undefined;
  /** Makes the domain and leaves it paused. If it rejects, nothing of the domain is left. */
  readonly make: (signal: AbortSignal) => Promise<Domid>;
  /**
   * Called when the domain exists and no participant objects, before it is unpaused. An exception ends the domain
   * again.
   */
  readonly beforeRun?: () => void;
  readonly signal: AbortSignal;
}

/**
 * Starts a domain: what `create`, `start`, `restore` and the start from a saved state have in common. In this order:
 * collisions, `prepare`, `start`, make, `started`, unpause, record. The caller holds the job of its UUID and name. On
 * any failure nothing of it is left running, and the participants that prepared clean up.
 * @throws RefusedError `E_REFUSED_*` of facts 2.7; ToolstackError with the toolstack's own code
 */
export async function startDomain(host: Host, plan: StartPlan): Promise<DomainInfo> {
  const { signal } = plan;
  const { domain } = plan.config;
  const { domains } = await host.known(signal);
  const collision = collisionOf(domain, domains, true);
  if (collision !== undefined) throw collision;
  refuseWhileLeaving(host, domain);
  refuseWhileArriving(host, domain);

  const starting: Starting = { domain, how: plan.how, forceLease: plan.forceLease };
  let domid: Domid | undefined;
  try {
    await host.participants.prepare(starting, signal);
    await makeRoomFor(host, plan.config, signal);
    await host.participants.start(starting, signal);
    domid = await plan.make(signal);
    const info = await madeDomain(host, domid, domain.name);
    await host.participants.started({ ...starting, info, paused: plan.paused }, signal);
    plan.beforeRun?.();
    if (!plan.paused) await host.toolstack.unpause(domid, signal);
    tellRun(
      host,
      info,
      plan.paused
        ? { state: 'paused', reason: plan.how === 'restored' ? 'restored' : 'starting up' }
        : { state: 'running', reason: plan.how },
      { event: 'started', detail: plan.how },
    );
    return await madeDomain(host, domid, domain.name);
  } catch (error) {
    await undo(host, starting, domid, error);
    throw error;
  }
}

/** Lets domain 0 release memory if it may; the toolstack decides whether there is enough then. */
async function makeRoomFor(host: Host, config: GuestConfig, signal: AbortSignal): Promise<void> {
  const { toolstack, autoballoon } = host;
  if (!mayShrinkDom0(await toolstack.host(signal), autoballoon)) return;
  const neededKiB = await toolstack.neededMemory(config, signal);
  await makeRoom(toolstack, autoballoon, { name: config.domain.name, neededKiB, signal });
}

/**
 * Protects a saved state, which any other run would make inconsistent. @throws RefusedError `E_REFUSED_MANAGED_SAVE`
 */
export function refuseManagedSave(host: Host, uuid: string, name: string): void {
  if (!host.managedSaves.has(uuid)) return;
  throw new RefusedError(
    'E_REFUSED_MANAGED_SAVE',
    `domain ${name} has a saved state, which would no longer fit its disks`,
    {
      hint: `\`${ownCommand('start', name)}\` continues from it; \`${ownCommand('managedsave-remove', name)}\` removes it.`,
    },
  );
}

async function madeDomain(host: Host, domid: Domid, name: string): Promise<DomainInfo> {
  const info = await host.toolstack.info(guestDomid(domid));
  if (info !== undefined) return info;
  throw new ToolstackError('E_TOOLSTACK_DOMAIN_GONE', `domain ${name} (id ${domid}) vanished as soon as it was made`, {
    hint: 'Look at its console and at the logs of the host.',
  });
}

/** Undoes a failed start. @throws ToolstackError if the domain cannot be destroyed */
async function undo(host: Host, { domain }: Starting, domid: Domid | undefined, cause: unknown): Promise<void> {
  if (domid !== undefined) {
    try {
      await host.toolstack.destroy(domid);
    } catch (error) {
      throw new ToolstackError(
        carriedCode(codeOf(cause)),
        `starting ${domain.name} failed: ${messageOf(cause)}; its domain (id ${domid}) could not be removed: ${messageOf(error)}`,
        { cause, hint: cause instanceof XenferryError ? cause.hint : `Run \`${ownCommand('destroy', domain.name)}\`.` },
      );
    }
  }
  await noteStopped(host, { uuid: domain.uuid, name: domain.name, domid, domain, reason: 'failed' });
}
