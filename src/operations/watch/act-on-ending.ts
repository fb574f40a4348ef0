import { randomUUID } from 'node:crypto';
import { lifecycleActions } from '../../domain/lifecycle-actions.js';
import { messageOf } from '../../errors/message-of.js';
import type { DomainInfo, GuestConfig } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import { asStarted } from '../lifecycle/as-started.js';
import { startDomain } from '../running/start-domain.js';
import { endDomain, noteStopped } from '../running/stop-domain.js';
import { endingOf, type Ending } from './ending.js';
import { keepCore } from './kept-core.js';
import { softReset } from './soft-reset.js';
import { storedDomain } from './stored-domain.js';

/** Most preserved copies of a domain's crashed guests; a further one is destroyed. */
const MAX_PRESERVED = 10;

type Acting = Extract<Ending, { do: 'act' }>;

/**
 * Handles a stopped guest by the actions in its definition. The caller holds the job of its UUID and name, and has just
 * seen it shut down. A failure is logged and emitted as an event; the domain then stays in the state that was reached.
 * @param signal ends long steps; not fired by the watcher's end: a restart that has begun is completed
 */
export async function actOnEnding(host: Host, info: DomainInfo, signal: AbortSignal): Promise<void> {
  const { shutdownReason } = info;
  if (shutdownReason === undefined) return;
  const config = await host.leases.withShared(await host.toolstack.describe(info.domid, signal), signal);
  const stored = storedDomain(host, info.uuid);
  const ending = endingOf(shutdownReason, lifecycleActions(config.domain, stored));
  switch (ending.do) {
    case 'nothing':
      return;
    case 'tell':
      notice(host, info, ending.text);
      keepAsItIs(host, info, 'unknown');
      return;
    case 'act':
      host.log(`${info.name}: ${shutdownReason}: ${ending.action}`);
      await act(host, info, config, ending, signal);
  }
}

async function act(
  host: Host,
  info: DomainInfo,
  config: GuestConfig,
  ending: Acting,
  signal: AbortSignal,
): Promise<void> {
  switch (ending.action) {
    case 'destroy':
      await endDomain(host, info, ending.stopped, signal);
      return;
    case 'coredump-destroy':
      await keepOrTell(host, info, signal);
      await endDomain(host, info, ending.stopped, signal);
      return;
    case 'preserve':
      keepAsItIs(host, info, ending.stopped);
      host.participants.changed({ ...who(info), change: { event: 'stopped', detail: ending.stopped } });
      return;
    case 'restart':
      await endDomain(host, info, ending.stopped, signal);
      break;
    case 'coredump-restart':
      await keepOrTell(host, info, signal);
      await endDomain(host, info, ending.stopped, signal);
      break;
    case 'soft-reset': {
      const failure = await softReset(host, info, signal);
      if (failure === undefined) return;
      const { onFailure: action } = ending;
      notice(host, info, `its soft reset failed, so that it ends as a crash does (${action}): ${failure}`);
      await act(host, info, config, { ...ending, stopped: 'crashed', action }, signal);
      return;
    }
    case 'rename-restart':
      await setAside(host, info, config, ending, signal);
      break;
  }
  const stored = host.definitions.get(info.uuid)?.domain;
  if (stored !== undefined) {
    const at = new Date().toISOString();
    host.runs.put(info.uuid, {
      ...{ version: 1, name: info.name, at, state: 'shutoff', reason: ending.stopped },
      restarting: true,
    });
  }
  // A persistent domain starts by its present definition: changes for the next start take effect here.
  await startAgain(host, stored === undefined ? config : { domain: stored }, ending.reboot, signal);
}

/**
 * Starts a domain whose guest has stopped. A failure is reported. The caller holds its job.
 * @param isReboot the guest requested a reboot
 */
export async function startAgain(
  host: Host,
  config: GuestConfig,
  isReboot: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { uuid, name } = config.domain;
  try {
    const placed = { ...config, domain: await asStarted(host, config.domain, signal) };
    const make = (): ReturnType<typeof host.toolstack.create> => host.toolstack.create(placed, signal);
    const { domid } = await startDomain(host, { config: placed, how: 'booted', paused: false, make, signal });
    if (isReboot) host.events.tell({ domain: name, uuid, id: domid, what: { type: 'reboot' } });
  } catch (error) {
    // A start that was refused is not recorded as failed, and must not be retried for ever.
    const note = host.runs.get(uuid);
    if (note?.state === 'shutoff' && note.restarting === true) {
      host.runs.put(uuid, { ...note, reason: 'failed', restarting: false });
    }
    notice(host, { uuid, name }, `it could not be started again: ${messageOf(error)}`);
  }
}

/** Keeps the stopped domain under another name and UUID, as xl does; the run itself has ended. */
async function setAside(
  host: Host,
  info: DomainInfo,
  { domain }: GuestConfig,
  ending: Acting,
  signal: AbortSignal,
): Promise<void> {
  const names = new Set((await host.known(signal)).domains.map(({ name }) => name));
  const suffix = Array.from({ length: MAX_PRESERVED }, (_, at) => `-${at + 1}`).find(
    (one) => !names.has(info.name + one),
  );
  if (suffix === undefined) {
    notice(host, info, `${MAX_PRESERVED} copies are preserved already: this one is destroyed`);
    await endDomain(host, info, ending.stopped, signal);
    return;
  }
  await host.toolstack.preserve(info.domid, suffix, randomUUID(), signal);
  await noteStopped(host, { ...who(info), domain, reason: ending.stopped });
}

/** As with libvirt, a core that cannot be written does not prevent the action; the failure is reported. */
async function keepOrTell(host: Host, info: DomainInfo, signal: AbortSignal): Promise<void> {
  try {
    notice(host, info, `its core was written to ${await keepCore(host, info, signal)}`);
  } catch (error) {
    notice(host, info, `its core could not be written: ${messageOf(error)}`);
  }
}

/** Records that the stop was handled, so that it is not handled again. */
function keepAsItIs(host: Host, info: DomainInfo, reason: 'shutdown' | 'crashed' | 'unknown'): void {
  const at = new Date().toISOString();
  host.runs.put(info.uuid, { version: 1, name: info.name, at, state: 'shutoff', reason, domid: info.domid });
}

function notice(host: Host, who: Pick<DomainInfo, 'uuid' | 'name'> & Partial<DomainInfo>, text: string): void {
  const { uuid, name, domid } = who;
  host.log(`${name}: ${text}`);
  host.events.tell({
    ...{ domain: name, uuid, what: { type: 'notice', text } },
    ...(domid === undefined ? {} : { id: domid }),
  });
}

function who({ uuid, name, domid }: DomainInfo): Pick<DomainInfo, 'uuid' | 'name' | 'domid'> {
  return { uuid, name, domid };
}
