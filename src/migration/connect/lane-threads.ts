import { availableParallelism } from 'node:os';
import { duplicateFd } from '../../posix/libc.js';
import type { Dialer } from '../../tunnel/link.js';
import { LinkThreads } from '../../tunnel/threads/link-threads.js';

/** More than these the main thread cannot keep busy; each costs some 60 MiB when it receives at full speed. */
const MAX_LANE_THREADS = 4;

/**
 * Threads for lanes: one core is left to the main thread, which has as much to do. Undefined where there is no other core: a thread
 * would only add its own work. Nothing is started before it is needed.
 */
export function laneThreads(cores = availableParallelism()): LinkThreads | undefined {
  return cores === 1 ? undefined : new LinkThreads(Math.min(cores - 1, MAX_LANE_THREADS), duplicateFd);
}

/**
 * A dialer whose lanes live in threads.
 * @param shared threads of the caller's, which outlive the dialer; absent: threads that end with it
 */
export function withThreads<T extends Dialer>(
  shared: LinkThreads | undefined,
  open: (threads: LinkThreads | undefined) => T,
): T {
  if (shared !== undefined) return open(shared);
  const threads = laneThreads();
  const dialer = open(threads);
  if (threads === undefined) return dialer;
  const dispose = dialer[Symbol.asyncDispose].bind(dialer);
  dialer[Symbol.asyncDispose] = async () => {
    await dispose();
    threads[Symbol.dispose]();
  };
  return dialer;
}
