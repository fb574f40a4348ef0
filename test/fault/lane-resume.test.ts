import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { a, b, expectBackHome, failedMigration, faults, QUIET, useTwoHosts } from '../support/fault-rig.js';
import { guestXml, migrationResult, type Done } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { Proxy, type Trouble } from '../support/proxy.js';

useTwoHosts();

/** Moves the guest through the proxy, which must succeed; the guest is whole and there once. */
async function moved(proxy: Proxy, ...options: string[]): Promise<Done> {
  const { result, stderr } = await a.migrate('guest', proxy.address, ...options);
  return arrived(result, stderr);
}

async function arrived(result: Awaited<ReturnType<typeof a.migrate>>['result'], stderr: string): Promise<Done> {
  if (result.result !== 'done') throw new Error(`${JSON.stringify(result)}\n${stderr}`);
  expect(await a.list()).toEqual([]);
  expect(await b.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
  expect((await b.info('guest')).guest.bad).toBe(0);
  expect(await a.openMigrations()).toEqual([]);
  expect(await b.openMigrations()).toEqual([]);
  assertNeverTwice([a.dir, b.dir]);
  return result;
}

describe('every connection is cut, and made again', () => {
  it.each<[string, Trouble, string]>([
    ['F7: at 1 % of the stream', { cutOnceAtBytes: [400_000] }, '1'],
    ['F7: at 10 % of the stream', { cutOnceAtBytes: [1_700_000] }, '8'],
    ['F7: at half of the stream', { cutOnceAtBytes: [8_000_000] }, '2'],
    ['F11: with the first acknowledgements', { cutOnceAtAnswer: 1 }, '1'],
    ['F11 F13: with one of the last acknowledgements', { cutOnceAtAnswer: 6 }, '2'],
    ['F19: by a bit flipped inside TLS', { flipAtByte: 6_000_000 }, '2'],
  ])('%s: the migration goes on', async (_where, trouble, lanes) => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    await using proxy = await Proxy.to(b.address, trouble);
    const done = await moved(proxy, '--lanes', lanes);
    expect(done.reconnects).toBeGreaterThan(0);
  });

  it('F7: at 99 % of the stream, with the guest suspended: it runs at the destination', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address));
    await moving.saysOnStderr(/"suspended":true/);
    proxy.cut();
    const finished = await moving.finished;
    expect((await arrived(migrationResult(finished), finished.stderr)).reconnects).toBeGreaterThan(0);
  });

  it('F7: ten times, by a link that flaps', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    const marks = Array.from({ length: 10 }, (_, n) => (n + 1) * 1_200_000);
    await using proxy = await Proxy.to(b.address, { cutOnceAtBytes: marks });
    const done = await moved(proxy);
    expect(proxy.cuts).toBe(10);
    expect(done.reconnects).toBeGreaterThanOrEqual(10);
  });

  it('F9: by a destination that moves to another address: its name is looked up again', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 6_000_000, count: 1 });
    const names = join(a.dir, 'names.json');
    const resolvesTo = (address: string): void => writeFileSync(names, JSON.stringify({ localhost: address }));
    const before = await Proxy.to(b.address, {}, { host: '127.0.0.2', port: 0 });
    const port = Number(before.address.split(':')[1]);
    resolvesTo('127.0.0.2');
    vi.stubEnv('NAMES_FILE', names);
    vi.stubEnv('NODE_OPTIONS', `--require ${fileURLToPath(new URL('../support/names.cjs', import.meta.url))}`);
    const moving = a.start(...a.migrateWords('guest', `localhost:${port}`));
    vi.unstubAllEnvs();
    await expect.poll(() => before.forwarded).toBeGreaterThan(1_000_000);
    resolvesTo('127.0.0.3');
    await before[Symbol.asyncDispose]();
    await using after = await Proxy.to(b.address, {}, { host: '127.0.0.3', port });
    const finished = await moving.finished;
    const done = await arrived(migrationResult(finished), finished.stderr);
    expect(done.reconnects).toBeGreaterThan(0);
    expect(after.forwarded).toBeGreaterThan(1_000_000);
  });

  it('F12 F13: while the destination decides: the answer comes over a new connection', async () => {
    const server = await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 1_500_000 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address));
    await server.saysOnStderr(/asks to finish/);
    proxy.cut();
    const finished = await moving.finished;
    await arrived(migrationResult(finished), finished.stderr);
    expect(finished.stderr).toContain('the control connection was lost');
  });

  it('F8: and stay away for a second: the guest runs on at the source meanwhile', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address, '--reconnect-timeout', '30'));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.shut();
    const before = proxy.connections;
    expect(await a.list()).toMatchObject([{ state: 'running' }]);
    await expect.poll(() => proxy.connections, { timeout: 20_000 }).toBeGreaterThan(before + 5);
    proxy.admit();
    const finished = await moving.finished;
    const done = await arrived(migrationResult(finished), finished.stderr);
    expect(done.reconnects).toBeGreaterThanOrEqual(2);
  });

  it('F9: and stay away for longer than --reconnect-timeout: both sides give up, the guest is back home', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address, '--reconnect-timeout', '1'));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.shut();
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(1);
    const result = migrationResult(finished);
    expect(result).toMatchObject({ code: 'E_TUNNEL_LOST', guest: 'source-running', phase: 'perform' });
    if (result.result === 'failed') expect(result.hint).toContain('--reconnect-timeout');
    await expectBackHome();
  });

  it('F44: Ctrl-C while they are away: the guest is back at once, without waiting for the network', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address, '--reconnect-timeout', '5'));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.shut();
    await moving.saysOnStderr(/the control connection was lost/);
    moving.kill('SIGINT');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(130);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running' });
    proxy.admit();
    await expectBackHome();
  });

  it('F2: the destination is another process than before: it refuses, and the guest stays', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address, '--reconnect-timeout', '60'));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.shut();
    await b.stop('SIGKILL');
    await b.serve();
    proxy.retarget(b.address);
    proxy.admit();
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running', phase: 'perform' });
    await expectBackHome();
  });
});

describe('one connection', () => {
  it('F15: one of 8 lanes dies: the others carry on, and it is replaced', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address, '--lanes', '8'));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.cutOne(4); // the control connection is the first
    const finished = await moving.finished;
    const done = await arrived(migrationResult(finished), finished.stderr);
    expect(done).toMatchObject({ reconnects: 1, lanes: 8 });
    expect(finished.stderr).toMatch(/lane \d was lost and is being reconnected/);
    expect(finished.stderr).not.toContain('the control connection was lost');
  });

  it('the control connection alone: the lanes go on', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.cutOne(0);
    const finished = await moving.finished;
    expect((await arrived(migrationResult(finished), finished.stderr)).reconnects).toBe(1);
  });

  it('F7 F15: a lane that stalls without a word is found dead and replaced', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    await using proxy = await Proxy.to(b.address);
    const moving = a.start(...a.migrateWords('guest', proxy.address));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.stall(1);
    const finished = await moving.finished;
    const done = await arrived(migrationResult(finished), finished.stderr);
    expect(done.reconnects).toBe(1);
  });
});

it('a lane without --reconnect-timeout ends the migration, as one does that asks for 0', async () => {
  await b.serve();
  await a.create(guestXml({ workload: QUIET }));
  await using proxy = await Proxy.to(b.address, { cutOnceAtBytes: [6_000_000] });
  const failed = await failedMigration(proxy.address, '--reconnect-timeout', '0');
  expect(failed).toMatchObject({ exit: 1, guest: 'source-running', phase: 'perform' });
  await expectBackHome();
});
