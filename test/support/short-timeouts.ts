import { vi } from 'vitest';

/**
 * Runs `work` while timeouts of exactly `ms` last one millisecond: a limit of minutes, which is a constant of its module, then needs no
 * minutes in a test. All others last as long as usual.
 */
export async function withShortTimeout<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const real = globalThis.setTimeout;
  const spy = vi
    .spyOn(globalThis, 'setTimeout')
    .mockImplementation(((callback: (...words: unknown[]) => void, delay?: number, ...words: unknown[]) =>
      real(callback, delay === ms ? 1 : delay, ...words)) as typeof setTimeout);
  try {
    return await work();
  } finally {
    spy.mockRestore();
  }
}
