import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../../../errors/deadline.js';
import { DeadlineError, ToolstackError } from '../../../errors/errors.js';
import { FileLock } from '../../../posix/file-lock.js';
import type { OwnedFd } from '../../../posix/owned-fd.js';
import type { CallContext } from '../../agent/serve.js';
import type { TransferEvent } from '../../toolstack.js';
import { readConfig } from '../domain-config.js';
import { takeFaults, type ActiveFault, type FaultName } from '../faults.js';
import type { HostFolder } from '../host-folder.js';
import { tryWithDomain, withDomain } from '../locked-domain.js';
import { DirtyLog } from '../memory/dirty-log.js';
import { readKernel } from '../memory/guest-clock.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { readPlatform } from '../platform/platform-file.js';
import { catchUp, changeRunState } from '../run-state.js';
import { MemorySender } from './memory-sender.js';
import { StreamFaults } from './stream-faults.js';
import { StreamSink } from './stream-sink.js';
import { suspendGuest } from './suspend-guest.js';

const SAVE_FAULTS: readonly FaultName[] = [
  'refuse-suspend',
  'crash-on-suspend',
  'save-write-slow',
  'save-fails',
  'save-hangs',
  'save-dies',
];
/** libxc's precopy policy (tools/libs/guest/xg_sr_save.c): stop after this many rounds, */
const MAX_ITERATIONS = 5;
/** or once a round finds fewer dirty pages than this. */
const TARGET_DIRTY_COUNT = 50;
/** Longest wait for an aborted save of the same domain to end. */
const BUSY_WAIT_MS = 5_000;
/** Interval for a guest without heartbeat, which needs no advancing. */
const IDLE_TICK_MS = 1000;

/** What to save, and how. */
export interface SaveRequest {
  readonly host: HostFolder;
  readonly domid: number;
  readonly live: boolean;
}

/**
 * Writes a domain's save stream, and leaves the domain suspended. If it fails, the domain stays in the state that
 * was reached; but if the parent has ended and so cannot receive the result, the domain is resumed: a
 * parent without a result has never let a destination run it.
 */
export async function saveDomain(
  request: SaveRequest,
  fd: OwnedFd,
  call: Omit<CallContext, 'passedFd'>,
): Promise<void> {
  using _fd = fd;
  using _saving = await takeSaveLock(request, call.signal);
  const { host, domid, live } = request;
  const folder = host.domain(domid);
  let suspended = false;
  call.ifUnheard(async () => {
    if (suspended) await runOn(host, domid);
  });

  const faults = await begin(request, call.signal);
  try {
    using memory = GuestMemory.open(folder);
    using sink = new StreamSink(fd, new StreamFaults(faults, `save of domain ${domid}`));
    const emit = (event: TransferEvent): void => {
      call.emit(event);
    };
    const sender = new MemorySender(memory, sink, emit, call.signal);
    const suspend = async (): Promise<void> => {
      const atMs = await suspendGuest(host, domid, faults, call.signal);
      suspended = true;
      emit({ type: 'suspended', atMs });
    };

    for (const bytes of readPlatform(folder, 'head')) await sink.write(bytes, call.signal);
    if (live) await sendLive(request, sender, memory, suspend);
    else {
      await suspend();
      await sender.sendAll();
    }
    for (const bytes of readPlatform(folder, 'tail')) await sink.write(bytes, call.signal);
    await sink.end(call.signal);
  } finally {
    await endLogDirty(host, domid);
  }
}

async function takeSaveLock({ host, domid }: SaveRequest, signal: AbortSignal): Promise<FileLock> {
  using deadline = new Deadline(signal, BUSY_WAIT_MS, 'E_DEADLINE_LOCK', `another save of domain ${domid}`);
  try {
    return await FileLock.take(host.saveLock(domid), 'saving it', deadline.signal);
  } catch (cause) {
    if (!(cause instanceof DeadlineError) || signal.aborted) throw cause;
    throw new ToolstackError('E_TOOLSTACK_BUSY', `domain ${domid} is being saved already`, {
      cause,
      hint: 'Wait for that save, or cancel it.',
      data: { domid },
    });
  }
}

/** Checks that the domain can be saved, and starts to log what it writes. */
async function begin(
  { host, domid, live }: SaveRequest,
  signal: AbortSignal,
): Promise<ReadonlyMap<FaultName, ActiveFault>> {
  return withDomain(host, domid, signal, async (domain) => {
    const { built, shutdown } = domain.record;
    if (!built || shutdown !== null) {
      throw new ToolstackError(
        'E_TOOLSTACK_NOT_RUNNING',
        `domain ${domid} cannot be saved: it ${built ? `has shut down (${String(shutdown)})` : 'is still being made'}`,
        { data: { domid } },
      );
    }
    const faults = await takeFaults(host, readConfig(domain.folder).domain, SAVE_FAULTS, signal);
    catchUp(domain);
    rmSync(join(domain.folder, 'dirty'), { force: true });
    domain.update({ logDirty: live });
    return faults;
  });
}

/** libxc's order: all pages, then rounds of those written meanwhile, then the last ones with the guest suspended. */
async function sendLive(
  { host, domid }: SaveRequest,
  sender: MemorySender,
  memory: GuestMemory,
  suspend: () => Promise<void>,
): Promise<void> {
  const folder = host.domain(domid);
  const takeDirty = (): Promise<ReturnType<DirtyLog['take']>> =>
    withDomain(host, domid, sender.signal, (domain) => {
      catchUp(domain);
      using dirty = DirtyLog.open(folder);
      return dirty.take();
    });

  // The guest continues while its pages are being sent.
  const heart = setInterval(
    () => {
      tryWithDomain(host, domid, catchUp);
    },
    readKernel(memory)?.tickMs ?? IDLE_TICK_MS,
  );
  try {
    await sender.sendAll();
    for (let iteration = 1; iteration < MAX_ITERATIONS; iteration += 1) {
      const dirty = await takeDirty();
      await sender.send(dirty);
      if (dirty.count < TARGET_DIRTY_COUNT) break;
    }
  } finally {
    clearInterval(heart);
  }
  await suspend();
  await sender.send(await takeDirty());
}

async function endLogDirty(host: HostFolder, domid: number): Promise<void> {
  try {
    await withDomain(host, domid, undefined, (domain) => {
      domain.update({ logDirty: false });
    });
  } catch (error) {
    // Destroyed meanwhile: there is nothing to log.
    if (!(error instanceof ToolstackError && error.code === 'E_TOOLSTACK_DOMAIN_GONE')) throw error;
  }
}

async function runOn(host: HostFolder, domid: number): Promise<void> {
  await withDomain(host, domid, undefined, (domain) => {
    if (domain.record.shutdown === 'suspend')
      changeRunState(domain, { shutdown: null }, 'resume: its save was abandoned');
  });
}
