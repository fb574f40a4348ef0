import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from '../errors/errors.js';
import { FileLock } from '../posix/file-lock.js';
import type { JobRecord } from './jobs/job-record.js';
import type { Jobs } from './jobs/jobs.js';

/** The part of a host that holds its lock. */
interface StateFolder {
  readonly stateDir: string;
}

interface JobsOfHost {
  readonly jobs: Pick<Jobs, 'running'>;
}

/** Wait for a process that only checks the lock, which holds it for a moment. */
const TAKE_MS = 1_000;
/** Interval of the checks; a migration takes seconds at least. */
const LOOK_MS = 200;

const lockOf = (host: StateFolder): string => join(host.stateDir, 'evacuation.lock');

/**
 * Closes a host to guests of other hosts while it is held, for all its processes; domains may still be started here.
 * Ends with its process. `arriving` lists guests that were admitted before.
 * @param who holder, for people
 * @throws RefusedError `E_REFUSED_EVACUATING` if another process holds it; the signal's reason
 */
export async function closeForEvacuation(host: StateFolder, who: string, signal: AbortSignal): Promise<Disposable> {
  const path = lockOf(host);
  const late = AbortSignal.timeout(TAKE_MS);
  try {
    return await FileLock.take(path, who, AbortSignal.any([signal, late]));
  } catch (cause) {
    if (signal.aborted || !late.aborted) throw cause;
    throw new RefusedError('E_REFUSED_EVACUATING', `this host is already being emptied: ${FileLock.holderOf(path)}`, {
      hint: 'Wait for that evacuation, or stop it.',
      cause,
    });
  }
}

/**
 * For an arriving guest, whose job is held already: so either `arriving` lists it, or it sees the lock. @throws
 * RefusedError `E_REFUSED_EVACUATING`
 */
export function refuseWhileEvacuating(host: StateFolder): void {
  const path = lockOf(host);
  if (!FileLock.isHeld(path)) return;
  throw new RefusedError('E_REFUSED_EVACUATING', `that host is being emptied (${FileLock.holderOf(path)})`, {
    hint: 'Choose another destination, or wait until the evacuation has ended.',
  });
}

/** The jobs of arriving guests, in all processes. */
export function arriving({ jobs }: JobsOfHost): JobRecord[] {
  return jobs.running().filter(({ operation }) => operation === 'incoming-migration');
}

/**
 * Waits until no guest is arriving, each bounded by its own deadlines, or until the signal fires. Resolves to those
 * still arriving.
 */
export async function waitForArrivals(host: JobsOfHost, signal: AbortSignal): Promise<JobRecord[]> {
  for (;;) {
    const still = arriving(host);
    if (still.length === 0 || signal.aborted) return still;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined); // checked above
  }
}
