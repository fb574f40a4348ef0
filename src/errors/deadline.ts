import type { DeadlineCode } from './codes.js';
import { DeadlineError } from './errors.js';
import { asError } from './message-of.js';

/**
 * A signal that fires when the parent does, or after `ms`; then its reason is a
 * `DeadlineError` that names what was waited for. Dispose it when the wait is over.
 */
export class Deadline implements Disposable {
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(parent: AbortSignal, ms: number, code: DeadlineCode, waitedFor: string) {
    const own = new AbortController();
    this.#timer = setTimeout(() => {
      own.abort(
        new DeadlineError(code, `${waitedFor}: no answer within ${(ms / 1000).toFixed(1)} s`, { data: { ms } }),
      );
    }, ms);
    this.signal = AbortSignal.any([parent, own.signal]);
  }

  /** Restarts the deadline, after progress. */
  refresh(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Settles as the promise does, or rejects with the signal's reason as soon as it fires. The work itself is not stopped.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined); // its result is no longer awaited; the abort is what is reported
    throw asError(signal.reason);
  }
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(asError(signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
