import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import { setAutostart } from '../../../../src/operations/lifecycle/autostart.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import { hasRebooted, rememberBoot } from '../../../../src/host/boot-id.js';
import { DaemonWatch, watchDir } from '../../../../src/operations/watch/daemon-watch.js';
import { reconnect } from '../../../../src/operations/watch/reconnect.js';
import { JOURNAL_VERSION } from '../../../../src/journal/records.js';
import { WatchLock } from '../../../../src/operations/watch/watch-lock.js';
import type { LifecycleParticipant } from '../../../../src/host/participants/lifecycle-participant.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never } from '../../../support/local-host.js';

const quick = { paused: false, validate: false, signal: never };

const heard: string[] = [];
let objectsTo = '';
const participant: LifecycleParticipant = {
  name: 'test',
  reconnect: ({ info }) => {
    heard.push(`reconnect ${info.name} ${info.domid}`);
    return info.name === objectsTo ? Promise.reject(new Error('the hook objects')) : Promise.resolve();
  },
  stopped: ({ name, reason }) => {
    heard.push(`stopped ${name} ${reason}`);
    return Promise.resolve();
  },
};

let local: LocalHost;
beforeEach(async () => {
  heard.length = 0;
  objectsTo = '';
  local = await LocalHost.make({ participants: [participant] });
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

async function guests(...names: string[]): Promise<void> {
  for (const name of names) await createDomain(local.host, guestXml({ name, uuid: randomUUID(), mib: 8 }), quick);
}
const names = async (): Promise<string[]> => (await local.host.toolstack.list()).map(({ name }) => name);

describe('S23: a daemon that starts', () => {
  it('tells those who go along with each domain that runs; one that objects ends its domain, and no other', async () => {
    await guests('one', 'two', 'three');
    objectsTo = 'two';
    const { found, failed } = await reconnect(local.host, { rebooted: false, signal: never });
    expect({ found, failed }).toEqual({ found: ['one', 'three'], failed: ['two'] });
    expect(heard).toEqual(['reconnect one 1', 'reconnect two 2', 'stopped two failed', 'reconnect three 3']);
    expect(await names()).toEqual(['one', 'three']);
  });

  it('goes on where one of them makes trouble', async () => {
    await guests('one', 'two');
    const { uuid } = await local.host.find('one');
    const { toolstack } = local.host;
    const lookup = toolstack.lookup.bind(toolstack);
    toolstack.lookup = (ref, signal) => (ref === uuid ? Promise.reject(new Error('libxl hangs')) : lookup(ref, signal));
    const { found, failed } = await reconnect(local.host, { rebooted: false, signal: never });
    expect({ found, failed }).toEqual({ found: ['two'], failed: ['one'] });
    expect(local.log.join('\n')).toContain('one: finding it again failed: libxl hangs');
  });

  it('F5: knows after a reboot that the runs before it are over, whatever has their UUIDs now', async () => {
    await guests('transient');
    const uuid = randomUUID();
    await define(local.host, guestXml({ name: 'kept', uuid, mib: 8 }), { validate: false, signal: never });
    await start(local.host, 'kept', BOOT);
    for (const name of await names()) {
      const { domid } = await local.host.find(name);
      await local.host.toolstack.destroy(domid);
    }
    // Somebody started it by hand before the daemon came, and it has the number that it had.
    writeFileSync(local.path('next-domid'), '2');
    const domain = local.host.definitions.get(uuid)?.domain;
    if (domain === undefined) throw new Error('it is not defined');
    await local.host.toolstack.unpause(await local.host.toolstack.create({ domain }));

    const { found } = await reconnect(local.host, { rebooted: true, signal: never });
    expect(found).toEqual(['kept']);
    expect([...heard].sort()).toEqual(['reconnect kept 2', 'stopped kept destroyed', 'stopped transient destroyed']);
    expect(local.host.runs.get(uuid)).toMatchObject({ state: 'running', domid: 2 });
  });

  it.each([
    ['released', 'stopped auto migrated'],
    ['in-doubt', undefined],
  ] as const)(
    'F5: does not start a guest whose migration away was %s when the host went down, though it starts with its host',
    async (state, step) => {
      const { host } = local;
      const uuid = randomUUID();
      await define(host, guestXml({ name: 'auto', uuid, mib: 8 }), { validate: false, signal: never });
      await setAutostart(host, 'auto', true, never);
      await start(host, 'auto', BOOT);
      const { domid } = await host.find('auto');
      const at = new Date().toISOString();
      using file = host.journal.begin({
        ...{ journal: JOURNAL_VERSION, side: 'source', migration: randomUUID(), epoch: 1 },
        ...{ uuid, name: 'auto', domid, peer: 'xen+tls://b/system', startedAt: at },
      });
      file.append({ state, at });
      await host.toolstack.destroy(domid);
      rememberBoot(watchDir(host), 'the boot before');

      await using daemon = new DaemonWatch(host, 'test');
      await daemon.ready;
      expect(heard).toEqual(step === undefined ? [] : [step]);
      expect(await names()).toEqual([]);
      expect(local.log.join('\n')).toMatch(/migrated away|is migrating to/);
    },
  );

  it.each([
    [false, ['auto']],
    [true, []],
  ] as const)(
    'F3: brings a restart to its end that its predecessor died at; after a reboot (%s) it does not',
    async (rebooted, left) => {
      const { host } = local;
      const uuid = randomUUID();
      await define(host, guestXml({ name: 'auto', uuid, mib: 8 }), { validate: false, signal: never });
      const at = new Date().toISOString();
      host.runs.put(uuid, { version: 1, name: 'auto', at, state: 'shutoff', reason: 'shutdown', restarting: true });
      await reconnect(host, { rebooted, signal: never });
      expect(await names()).toEqual(left);
    },
  );

  it('finds them again, starts what starts with the host, and watches', async () => {
    await guests('one');
    const uuid = randomUUID();
    await define(local.host, guestXml({ name: 'auto', uuid, mib: 8 }), { validate: false, signal: never });
    await setAutostart(local.host, 'auto', true, never);
    const { domid } = await local.host.find('one');
    await local.host.toolstack.destroy(domid);
    {
      await using daemon = new DaemonWatch(local.host, 'test');
      await daemon.ready;
      expect(await names()).toEqual(['auto']);
      expect(heard).toEqual(['stopped one destroyed']);
      await local.host.toolstack.shutdown((await local.host.find('auto')).domid);
      await expect.poll(names, { timeout: 20_000 }).toEqual([]);
    }
    expect(new WatchLock(watchDir(local.host)).isHeld()).toBe(false);
  });

  it('never watches beside another: it waits until that has made way, and ends while it waits', async () => {
    const lock = new WatchLock(watchDir(local.host));
    const monitor = lock.tryTake('monitor');
    expect(lock.isWantedByDaemon()).toBe(false);
    await guests('one');
    const { domid } = await local.host.find('one');
    await local.host.toolstack.destroy(domid);
    {
      await using _impatient = new DaemonWatch(local.host, 'test');
    }
    await using daemon = new DaemonWatch(local.host, 'test');
    await expect.poll(() => lock.isWantedByDaemon(), { timeout: 20_000 }).toBe(true);
    expect(heard).toEqual([]);
    monitor?.[Symbol.dispose]();
    await daemon.ready;
    expect(heard).toEqual(['stopped one destroyed']);
  });
});

describe('the boot', () => {
  it('is another when the kernel says so, and was none before the first', () => {
    const dir = local.path('watch');
    expect(hasRebooted(dir, 'a')).toBe(false);
    rememberBoot(dir, 'a');
    expect(hasRebooted(dir, 'a')).toBe(false);
    expect(hasRebooted(dir, 'b')).toBe(true);
    rememberBoot(dir, 'b');
    expect(hasRebooted(dir, 'b')).toBe(false);
    expect(readFileSync(local.path('watch', 'boot-id'), 'utf8')).toBe('b\n');
  });
});
