import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { TwoHosts, type Failed, type TestHost } from './hosts.js';
import { assertNeverTwice } from './oracle.js';

export let hosts: TwoHosts;
export let a: TestHost;
export let b: TestHost;

/** Two hosts for each test of the file that calls it. */
export function useTwoHosts(): void {
  beforeEach(async () => {
    hosts = await TwoHosts.make();
    ({ a, b } = hosts);
  });
  afterEach(async () => {
    await hosts[Symbol.asyncDispose]();
  });
}

export const QUIET = "dirtyMiBPerSecond='2'";

/** Switches faults on for a host, for the next operations. */
export function faults(host: TestHost, ...list: Record<string, unknown>[]): void {
  writeFileSync(join(host.dir, 'faults.json'), JSON.stringify(list));
}

/** After a fault: one copy, at the source, running and whole; nothing left; and the second attempt succeeds. */
export async function expectBackHome(domain = 'guest'): Promise<void> {
  expect(await a.list()).toMatchObject([{ name: domain, state: 'running' }]);
  expect((await a.info(domain)).guest.bad).toBe(0);
  await expectNothingLeft();
  faults(a);
  faults(b);
  const { result, stderr } = await a.migrate(domain, b);
  expect(result.result, stderr).toBe('done');
  expect(await a.list()).toEqual([]);
  expect((await b.info(domain)).guest.bad).toBe(0);
  expect(await a.openMigrations()).toEqual([]);
  expect(await b.openMigrations()).toEqual([]);
  assertNeverTwice([a.dir, b.dir]);
}

/** The destination has no copy, no half of one, and no file of one. */
export async function expectNothingLeft(): Promise<void> {
  await expect.poll(() => b.list(), { timeout: 20_000 }).toEqual([]);
  await expect
    .poll(() => readdirSync(join(b.dir, 'domains')).filter((name) => /^\d+$/.test(name)), { timeout: 20_000 })
    .toEqual([]);
}

export async function failedMigration(to: TestHost | string, ...options: string[]): Promise<Failed & { exit: number }> {
  const { code, result, stderr } = await a.migrate('guest', to, ...options);
  if (result.result !== 'failed') throw new Error(`the migration did not fail: ${JSON.stringify(result)}\n${stderr}`);
  expect(result.message.length).toBeGreaterThan(20);
  return { ...result, exit: code };
}
