import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { DaemonWatch, watchDir } from '../../../../src/operations/watch/daemon-watch.js';
import { hasDomainsToWatch, runMonitor } from '../../../../src/operations/watch/monitor.js';
import { WatchLock } from '../../../../src/operations/watch/watch-lock.js';
import type { LifecycleParticipant } from '../../../../src/host/participants/lifecycle-participant.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const heard: string[] = [];
const participant: LifecycleParticipant = {
  name: 'test',
  reconnect: ({ info }) => {
    heard.push(`reconnect ${info.name}`);
    return Promise.resolve();
  },
};

let local: LocalHost;
beforeEach(async () => {
  heard.length = 0;
  local = await LocalHost.make({ participants: [participant] });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const create = async (name: string): Promise<void> => {
  const xml = guestXml({ name, uuid: randomUUID(), mib: 8 });
  await createDomain(local.host, xml, { paused: false, validate: false, signal: never });
};
const names = async (): Promise<string[]> => (await local.host.toolstack.list()).map(({ name }) => name);
const monitor = (signal = never): ReturnType<typeof runMonitor> =>
  runMonitor(local.host, 'monitor', signal, { sweepMs: 60_000 });
const isHeld = (): boolean => new WatchLock(watchDir(local.host)).isHeld();

describe('a monitor', () => {
  it('does what definitions say, and ends with the last domain', async () => {
    await create('one');
    await create('two');
    expect(await hasDomainsToWatch(local.host, never)).toBe(true);
    const ended = monitor();
    await expect.poll(isHeld, { timeout: 20_000 }).toBe(true);
    await local.host.toolstack.reboot((await local.host.find('one')).domid);
    await expect
      .poll(async () => (await local.host.toolstack.list()).map(({ domid }) => domid), { timeout: 20_000 })
      .toEqual([2, 3]);
    await destroyDomain(local.host, 'one', never);
    await local.host.toolstack.shutdown((await local.host.find('two')).domid);
    expect(await ended).toBe('no-domain-left');
    expect(await names()).toEqual([]);
    expect(isHeld()).toBe(false);
    expect(heard).toEqual([]);
  });

  it('is not needed where nothing runs, or where another watches', async () => {
    expect(await hasDomainsToWatch(local.host, never)).toBe(false);
    expect(await monitor()).toBe('no-domain-left');
    await create('one');
    const first = new AbortController();
    const ended = monitor(first.signal);
    await expect.poll(isHeld, { timeout: 20_000 }).toBe(true);
    expect(await monitor()).toBe('watched-already');
    first.abort();
    expect(await ended).toBe('stopped');
  });

  it('makes way for a daemon', async () => {
    await create('one');
    const ended = monitor();
    await expect.poll(isHeld, { timeout: 20_000 }).toBe(true);
    await using daemon = new DaemonWatch(local.host, 'daemon');
    expect(await ended).toBe('daemon-came');
    await daemon.ready;
    expect(isHeld()).toBe(true);
    expect(await monitor()).toBe('watched-already');
  });

  it('S23: finds domains again behind one that was killed, and only then', async () => {
    await create('one');
    const lock = new WatchLock(watchDir(local.host)).tryTake('killed');
    // A process that is killed leaves its mark, and the kernel its lock to nobody.
    const killed = new WatchLock(watchDir(local.host));
    lock?.[Symbol.dispose]();
    writeFileSync(join(watchDir(local.host), 'watching'), '');
    const stop = new AbortController();
    const ended = monitor(stop.signal);
    await expect.poll(() => heard, { timeout: 20_000 }).toEqual(['reconnect one']);
    stop.abort();
    await ended;
    killed.tryTake('next')?.[Symbol.dispose]();
    expect(killed.wasLost()).toBe(false);
  });

  it('ends where its host has gone', async () => {
    await create('one');
    const ended = monitor();
    await expect.poll(isHeld, { timeout: 20_000 }).toBe(true);
    rmSync(local.dir, { recursive: true, force: true });
    expect(await ended).toBe('host-gone');
  });
});
