import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openEmbedded } from '../../src/toolstack/embedded/open.js';
import { domainEventSchema } from '../../src/host/events/event.js';
import { a, b, expectBackHome, faults, QUIET, useTwoHosts } from '../support/fault-rig.js';
import { guestXml } from '../support/hosts.js';

useTwoHosts();

describe('a daemon that comes back', () => {
  it(
    'S23: behind kill -9 it finds its domains again, cleans up behind one that has gone, and watches on',
    { timeout: 120_000 },
    async () => {
      const first = await a.serve();
      await first.saysOnStderr(/the domains of this host are watched/);
      for (const name of ['one', 'two', 'three']) {
        const xml = guestXml({ name, mib: 8 });
        await a.create(name === 'three' ? xml.replace('<vcpu>', '<on_poweroff>restart</on_poweroff><vcpu>') : xml);
      }
      await a.stop('SIGKILL');
      const toolstack = await openEmbedded(a.dir);
      const domid = async (name: string) => {
        const info = await toolstack.lookup(name);
        if (info === undefined) throw new Error(`${name} is not there`);
        return info.domid;
      };
      // While nobody watches one domain goes, another one's guest stops, and of the first all notes are lost.
      await toolstack.destroy(await domid('two'));
      await toolstack.shutdown(await domid('three'));
      const one = await toolstack.lookup('one');
      rmSync(join(a.dir, 'xenferry', 'runs', `${one?.uuid}.json`));
      const events = a.start('event', '--loop', '--json', '--event', 'lifecycle');
      await events.saysOnStderr(/waiting for events/);

      const second = await a.serve();
      await second.saysOnStderr(/the domains of this host are watched/);
      expect(second.stderr).toContain('two (id 2): it has ended (destroyed) unnoticed');
      expect(await a.list()).toMatchObject([
        { name: 'one', id: 1, state: 'running' },
        { name: 'three', id: 4, state: 'running' },
      ]);
      const told = (): string[] =>
        events.stdout
          .split('\n')
          .slice(0, -1)
          .map((line) => domainEventSchema.parse(JSON.parse(line)))
          .map(({ domain, what }) => `${domain} ${what.type === 'lifecycle' ? what.change.detail : what.type}`);
      await expect
        .poll(() => told().sort(), { timeout: 20_000 })
        .toEqual(['three booted', 'three shutdown', 'two destroyed']);
      await toolstack.shutdown(await domid('three'));
      await expect
        .poll(() => a.list(), { timeout: 30_000 })
        .toMatchObject([{ name: 'one' }, { name: 'three', id: 5, state: 'running' }]);
      events.kill('SIGTERM');
      await events.finished;
    },
  );
});

describe('a daemon at the source', () => {
  it('F5 F14: asks the destination again by itself, and settles what was in doubt', { timeout: 120_000 }, async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 800_000 });
    const moving = a.start(...a.migrateWords('guest', b, '--deadline', 'ask=1'));
    await moving.saysOnStderr(/"phase":"finish"/);
    const { address } = b;
    await b.stop('SIGKILL');
    expect((await moving.finished).code).toBe(5);
    const daemon = await a.serve();
    await daemon.saysOnStderr(/the domains of this host are watched/);
    expect(await a.list()).toMatchObject([{ state: 'suspended' }]);

    await b.serve('--listen', address);
    await daemon.saysOnStderr(/guest: unfinished migration to xen\+tls.* settled/);
    await expectBackHome();
  });
});
