import { XenferryError } from './errors.js';

const MAX_CAUSES = 8;

function own(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  if (typeof error === 'string' && error !== '') return error;
  return 'no error';
}

/**
 * An error as text for a person: its message, then those of its causes, without repeats.
 * Never `undefined` or `[object Object]` (S03).
 */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES; depth += 1) {
    const text = own(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    if (!(at instanceof Error) || at.cause === undefined) break;
    at = at.cause;
  }
  return parts.join(': ');
}

/** The thrown value as an Error: foreign code may throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The stable code of any thrown value; for a system call's error its errno, else `E_BUG`. */
export function codeOf(error: unknown): string {
  if (error instanceof XenferryError) return error.code;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return `E_SYSTEM_${error.code}`;
  return 'E_BUG';
}
