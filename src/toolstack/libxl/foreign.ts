import { promisify } from 'node:util';
import type koffi from 'koffi';

export type Library = ReturnType<typeof koffi.load>;

/**
 * A C function, to be called on a thread of libuv's pool instead of the event loop. The caller declares with `as`
 * what its prototype means in TypeScript, as koffi cannot know.
 */
export function onThread(declared: ReturnType<Library['func']>): (...args: unknown[]) => Promise<unknown> {
  return promisify(declared.async as (...args: unknown[]) => void);
}
