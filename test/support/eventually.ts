import { vi } from 'vitest';

/** Looks again and again until the check holds; a machine with other work may take its time. Rejects with what the check said last. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 });
}
