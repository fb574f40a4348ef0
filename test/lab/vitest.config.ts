import { defineConfig } from 'vitest/config';

/* Both hosts are one machine to the tests: one file at a time, and much patience, since they are emulated. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/lab/**/*.test.ts'],
    setupFiles: ['test/lab/support/healthy-hosts.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 1_200_000,
    teardownTimeout: 60_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
