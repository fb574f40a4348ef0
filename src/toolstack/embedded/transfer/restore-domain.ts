import { ToolstackError } from '../../../errors/errors.js';
import type { OwnedFd } from '../../../posix/owned-fd.js';
import { SaveStreamParser } from '../../../savestream/parser.js';
import type { CallContext } from '../../agent/serve.js';
import type { GuestConfig } from '../../toolstack.js';
import { takeFaults, type FaultName } from '../faults.js';
import type { HostFolder } from '../host-folder.js';
import { withDomain } from '../locked-domain.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { PlatformWriter } from '../platform/platform-file.js';
import { noMemory, removeDomain, reserve } from '../registry.js';
import { GuestReader } from './guest-reader.js';
import { StreamFaults } from './stream-faults.js';
import { readStream } from './stream-source.js';

const RESTORE_FAULTS: readonly FaultName[] = [
  'no-memory',
  'restore-slow',
  'restore-fails',
  'restore-hangs',
  'restore-dies',
  'disk-full-on-restore',
];
/**
 * Longest wait for the writer to close its end once the stream is complete. Further bytes in that
 * time are an error; a writer that keeps the descriptor open (a socket with further traffic)
 * is not waited for, as in libxl.
 */
const CLOSE_WAIT_MS = 2_000;

/**
 * Makes a domain from a save stream; it is left paused. If it fails, or if the parent ends before
 * it has received the result, nothing of the domain is left.
 * @returns the domain's number
 */
export async function restoreDomain(
  host: HostFolder,
  config: GuestConfig,
  fd: OwnedFd,
  call: Omit<CallContext, 'passedFd'>,
): Promise<number> {
  using _fd = fd;
  const { domain } = config;
  const told = await takeFaults(host, domain, RESTORE_FAULTS, call.signal);
  if (told.has('no-memory')) throw noMemory(domain, 0);
  const reservation = await reserve(host, config, call.signal);
  try {
    const { folder, domid } = reservation;
    {
      using memory = GuestMemory.open(folder, true);
      using platform = new PlatformWriter(folder);
      const reader = new GuestReader(domain, memory, platform);
      const faults = new StreamFaults(told, `restore of ${domain.name}`);
      await feed(new SaveStreamParser(reader), fd, faults, call.signal);
      reader.finish();
    }
    call.signal.throwIfAborted();
    await reservation.finish();
    call.ifUnheard(() => removeUntouched(host, domid));
    return domid;
  } catch (error) {
    reservation.discard();
    throw asDiskFull(error, domain.name);
  }
}

async function feed(parser: SaveStreamParser, fd: OwnedFd, faults: StreamFaults, signal: AbortSignal): Promise<void> {
  const closeWait = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const chunk of readStream(fd, faults, AbortSignal.any([signal, closeWait.signal]))) {
      parser.push(chunk);
      if (parser.isComplete) timer ??= setTimeout(() => closeWait.abort(), CLOSE_WAIT_MS);
    }
  } catch (error) {
    if (signal.aborted || !closeWait.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  parser.end();
}

/** Removes the restored domain unless its state has changed: its id was not reported. */
async function removeUntouched(host: HostFolder, domid: number): Promise<void> {
  await withDomain(host, domid, undefined, (domain) => {
    if (domain.record.last?.event === 'create') removeDomain(domain);
  });
}

/** A full disk is the embedded equivalent of a host without memory, and gets a code of its own. */
function asDiskFull(error: unknown, name: string): unknown {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) return error;
  return new ToolstackError('E_TOOLSTACK_DISK_FULL', `restore of ${name}: no space left on device (ENOSPC)`, {
    cause: error,
    hint: 'Free disk space for the memory of the guest on this host.',
    data: { errno: 'ENOSPC' },
  });
}
