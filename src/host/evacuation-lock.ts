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

/** Somebody who only looks holds the lock for a moment. */
const TAKE_MS = 1_000;
/** A migration takes seconds at least. */
const LOOK_MS = 200;

const lockOf = (host: StateFolder): string => join(host.stateDir, 'evacuation.lock');

/**
 * Closes a host to guests from elsewhere for as long as it is held, by whichever process they would come in; what starts here by itself still does.
 * Ends with its process. Who has been let in before is `arriving`.
 * @param who for people
 * @throws RefusedError `E_REFUSED_EVACUATING` where another process does that already; the signal's reason
 */
export async function closeForEvacuation(host: StateFolder, who: string, signal: AbortSignal): Promise<Disposable> {
  const path = lockOf(host);
  const late = AbortSignal.timeout(TAKE_MS);
  try {
    return await FileLock.take(path, who, AbortSignal.any([signal, late]));
  } catch (cause) {
    if (signal.aborted || !late.aborted) throw cause;
    throw new RefusedError('E_REFUSED_EVACUATING', `this host is being emptied already: ${FileLock.holderOf(path)}`, {
      hint: 'Wait for that, or end it.',
      cause,
    });
  }
}

/** For a guest that comes in, whose job is held already: so that it is seen by `arriving`, or sees the lock. @throws RefusedError `E_REFUSED_EVACUATING` */
export function refuseWhileEvacuating(host: StateFolder): void {
  const path = lockOf(host);
  if (!FileLock.isHeld(path)) return;
  throw new RefusedError('E_REFUSED_EVACUATING', `that host is being emptied (${FileLock.holderOf(path)})`, {
    hint: 'Choose another destination, or wait until the evacuation has ended.',
  });
}

/** The jobs of guests that are on their way here, in whichever process. */
export function arriving({ jobs }: JobsOfHost): JobRecord[] {
  return jobs.running().filter(({ operation }) => operation === 'incoming-migration');
}

/** Waits until none is, each for as long as its own deadlines let it, or until the signal fires. Resolves to those that still are. */
export async function waitForArrivals(host: JobsOfHost, signal: AbortSignal): Promise<JobRecord[]> {
  for (;;) {
    const still = arriving(host);
    if (still.length === 0 || signal.aborted) return still;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined); // looked at above
  }
}
