import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { ownCommand } from '../../errors/shell-words.js';
import type { DomainInfo, TransferEvent } from '../../toolstack/toolstack.js';
import type { Host } from '../../host/host.js';
import type { StoredDefinition } from '../../host/registry/definition-file.js';
import type { KnownDomain } from '../../host/registry/known-domain.js';
import type { SetAside } from '../../host/registry/managed-saves.js';
import { asStarted } from './as-started.js';
import { restoreDomain } from '../saving/restore.js';
import { openSaveFile } from '../saving/save-file.js';
import { refuseTransient } from '../definition/persistent.js';
import { startDomain } from '../running/start-domain.js';
import { withDomain, type JobContext } from '../running/with-domain.js';

/** Options of `start`. */
export interface StartRequest {
  readonly paused: boolean;
  /** Discard the saved state and boot. */
  readonly forceBoot: boolean;
  /** Take its disks' leases from their present holders. */
  readonly forceLease?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Called with progress while a saved state is restored. */
  readonly onEvent: (event: TransferEvent) => void;
}

/** A started domain, and where it started from. */
export interface StartedDomain {
  readonly info: DomainInfo;
  readonly from: 'boot' | 'managed-save';
}

/**
 * Starts a defined domain, from its saved state if it has one.
 * @throws RefusedError `E_REFUSED_ACTIVE`, `E_REFUSED_TRANSIENT`, `E_REFUSED_MANAGED_SAVE`, and as `startDomain`
 */
export async function start(host: Host, ref: string, request: StartRequest): Promise<StartedDomain> {
  const doing = { ref, why: 'starting it', operation: 'start', signal: request.signal } as const;
  return withDomain(host, doing, (known, held) => {
    if (known.info !== undefined) {
      throw new RefusedError('E_REFUSED_ACTIVE', `domain '${known.name}' is already active`, {
        hint: `It has id ${known.info.domid}; \`${ownCommand('domstate', known.name)}\` shows its state.`,
      });
    }
    return startHeld(host, known, held, request);
  });
}

async function startHeld(
  host: Host,
  known: KnownDomain,
  held: JobContext,
  request: Pick<StartRequest, 'paused' | 'forceBoot' | 'forceLease' | 'onEvent'>,
): Promise<StartedDomain> {
  const stored = refuseTransient(known, 'started');
  const saved = host.managedSaves.find(known.uuid);
  if (saved === undefined) return { info: await boot(host, stored, held, request), from: 'boot' };
  let aside: SetAside | undefined;
  const setAside = (): void => {
    aside = host.managedSaves.setAside(saved.path);
  };
  let started: StartedDomain;
  try {
    started = request.forceBoot
      ? { info: await boot(host, stored, held, request, setAside), from: 'boot' }
      : { info: await goOnFrom(host, known, saved, held, request, setAside), from: 'managed-save' };
  } catch (error) {
    aside?.[Symbol.dispose]();
    throw error;
  }
  try {
    aside?.discard();
  } catch (error) {
    host.log(`${known.name}: the saved state that it was started from could not be deleted: ${messageOf(error)}`);
  }
  return started;
}

async function boot(
  host: Host,
  { domain }: StoredDefinition,
  { signal }: JobContext,
  { paused, forceLease }: Pick<StartRequest, 'paused' | 'forceLease'>,
  beforeRun?: () => void,
): Promise<DomainInfo> {
  const config = { domain: await asStarted(host, domain, signal) };
  return await startDomain(host, {
    config,
    how: 'booted',
    paused,
    forceLease,
    make: () => host.toolstack.create(config, signal),
    ...(beforeRun === undefined ? {} : { beforeRun }),
    signal,
  });
}

async function goOnFrom(
  host: Host,
  { uuid, name }: KnownDomain,
  saved: { readonly path: string; readonly paused: boolean },
  held: JobContext,
  request: Pick<StartRequest, 'paused' | 'forceLease' | 'onEvent'>,
  beforeRun: () => void,
): Promise<DomainInfo> {
  await using file = await openSaveFile(saved.path, held.signal);
  const { domain } = file.config;
  if (domain.uuid !== uuid || domain.name !== name) {
    throw new RefusedError(
      'E_REFUSED_MANAGED_SAVE',
      `the saved state of ${name} (${uuid}) is that of ${domain.name} (${domain.uuid})`,
      { hint: `\`${ownCommand('managedsave-remove', name)}\` removes it; \`start --force-boot\` boots without it.` },
    );
  }
  const { onEvent, forceLease } = request;
  return await restoreDomain(host, file, held, {
    paused: request.paused || saved.paused,
    forceLease,
    onEvent,
    beforeRun,
  });
}
