import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../errors/deadline.js';
import { DeadlineError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { PeerRefusal } from './refusal.js';

/** Default time for which lost connections are dialled again. */
export const RECONNECT_MS = 30_000;

/** Pauses between two attempts: none, then increasing. Short enough for a link that comes and goes. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/** An attempt into a network that drops everything must end, so that the next may find it healed. */
const ATTEMPT_MS = 5000;

/** Errors that may heal, and so are worth another attempt: of the connection, never a refusal. */
export function mayHeal(error: unknown): boolean {
  return error instanceof TunnelError && !(error instanceof PeerRefusal);
}

/**
 * Repeats the attempt until it succeeds, the far end refuses, or the signal fires. Rejects with the refusal,
 * the signal's reason, or whatever else is no failure of a connection.
 * @param tries failed attempts just before: a connection that breaks at once is not dialled in a loop
 */
export async function dialUntil<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  options: { readonly signal: AbortSignal; readonly tries?: number; readonly onFailed?: (error: Error) => void },
): Promise<T> {
  for (let tries = options.tries ?? 0; ; tries += 1) {
    if (tries > 0) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS);
      await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => undefined); // the next line throws the reason
    }
    options.signal.throwIfAborted();
    using deadline = new Deadline(options.signal, ATTEMPT_MS, 'E_DEADLINE_CONNECT', 'connecting again');
    try {
      return await attempt(deadline.signal);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!mayHeal(error) && !(error instanceof DeadlineError)) throw error;
      options.onFailed?.(asError(error));
    }
  }
}

/** Nothing got through for as long as the user lets it. */
export function connectionGone(forMs: number, cause: Error | undefined): TunnelError {
  const seconds = (forMs / 1000).toFixed(1);
  return new TunnelError('E_TUNNEL_LOST', `the connection broke and could not be made again within ${seconds} s`, {
    cause,
    hint: 'Check the network between the hosts and that the far host is up; --reconnect-timeout says how long to try.',
    data: { forMs },
  });
}
