import { Deadline } from '../errors/deadline.js';

/** Makes a call that only its deadline stops. Rejects with `E_DEADLINE_TOOLSTACK`, or as the call does. */
export async function callWithin<T>(ms: number, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  using deadline = new Deadline(new AbortController().signal, ms, 'E_DEADLINE_TOOLSTACK', what);
  return await work(deadline.signal);
}
