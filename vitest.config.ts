import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/lab/**'],
    globalSetup: ['test/support/build-is-fresh.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A machine with other work may take its time.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
});
