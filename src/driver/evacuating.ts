import { join } from 'node:path';
import { RefusedError } from '../errors/errors.js';
import { FileLock } from '../posix/file-lock.js';
import type { Host } from './host.js';

/** Somebody who only looks holds the lock for a moment. */
const TAKE_MS = 1_000;

const lockOf = (host: Pick<Host, 'stateDir'>): string => join(host.stateDir, 'evacuation.lock');

/**
 * Closes a host to guests from elsewhere for as long as it is held, by whichever process they would come in; what starts here by itself still does.
 * Ends with its process.
 * @param who for people
 * @throws RefusedError `E_REFUSED_EVACUATING` where another process does that already
 */
export async function closeForEvacuation(host: Pick<Host, 'stateDir'>, who: string): Promise<Disposable> {
  const path = lockOf(host);
  try {
    return await FileLock.take(path, who, AbortSignal.timeout(TAKE_MS));
  } catch (cause) {
    throw new RefusedError('E_REFUSED_EVACUATING', `this host is being emptied already: ${FileLock.holderOf(path)}`, {
      hint: 'Wait for that, or end it.',
      cause,
    });
  }
}

/** @throws RefusedError `E_REFUSED_EVACUATING` */
export function refuseWhileEvacuating(host: Pick<Host, 'stateDir'>): void {
  const path = lockOf(host);
  if (!FileLock.isHeld(path)) return;
  throw new RefusedError('E_REFUSED_EVACUATING', `that host is being emptied (${FileLock.holderOf(path)})`, {
    hint: 'Choose another destination, or wait until the evacuation has ended.',
  });
}
