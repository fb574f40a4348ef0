import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define, undefine } from '../../../../src/operations/definition/define.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { dumpXml } from '../../../../src/operations/lifecycle/details.js';
import { listDomains } from '../../../../src/operations/lifecycle/list.js';
import { suspendDomain } from '../../../../src/operations/lifecycle/pause.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import { abortDomainJob, domainJob } from '../../../../src/operations/domain-job.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never } from '../../../support/local-host.js';

const uuid = randomUUID();
const xml = guestXml({ name: 'web', uuid, mib: 8 });
const easy = { validate: false, signal: never };

let local: LocalHost;
beforeEach(async () => {
  local = await LocalHost.make();
});
afterEach(async () => {
  await local[Symbol.asyncDispose]();
});

const hold = (operation: 'save' | 'modify' = 'save') =>
  local.host.jobs.take(uuid, 'web', 'saving to /x', never, { operation });
/** Resolves when so many have asked for the job. */
async function asked(count: number, work: () => Promise<void>[]): Promise<Promise<void>[]> {
  const { jobs } = local.host;
  const take = jobs.take.bind(jobs);
  let calls = 0;
  jobs.take = (...args) => {
    calls += 1;
    return take(...args);
  };
  const waiting = work();
  await expect.poll(() => calls, { timeout: 20_000 }).toBe(count);
  jobs.take = take;
  return waiting;
}

describe('S09: a domain that vanishes while somebody waits for its job', () => {
  it('ended and forgotten meanwhile: the waiters say that there is none, and a new one of that name works', async () => {
    const { host } = local;
    await define(host, xml, easy);
    await start(host, 'web', BOOT);
    const job = await hold();
    const waiting = await asked(3, () => [
      expect(suspendDomain(host, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NO_DOMAIN' }),
      expect(destroyDomain(host, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NO_DOMAIN' }),
      expect(undefine(host, 'web', { managedSave: false, signal: never })).rejects.toMatchObject({
        code: 'E_REFUSED_NO_DOMAIN',
      }),
    ]);
    await host.toolstack.destroy((await host.find('web')).domid);
    host.definitions.remove(uuid);
    job[Symbol.dispose]();
    await Promise.all(waiting);
    expect(host.jobs.running()).toEqual([]);
    // Another one of that name, with a UUID of its own.
    const { info } = await createDomain(local.host, guestXml({ name: 'web', uuid: randomUUID(), mib: 8 }), {
      ...easy,
      paused: false,
    });
    expect(info.state).toBe('running');
    await suspendDomain(host, 'web', never);
  });

  it('ended while it waits, and still defined: the waiter says that it does not run', async () => {
    const { host } = local;
    await define(host, xml, easy);
    await start(host, 'web', BOOT);
    const job = await hold('modify');
    const waiting = await asked(1, () => [
      expect(suspendDomain(host, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NOT_RUNNING' }),
    ]);
    await host.toolstack.destroy((await host.find('web')).domid);
    job[Symbol.dispose]();
    await Promise.all(waiting);
    await start(host, 'web', BOOT);
  });

  it('a waiter whose time is up leaves nothing behind, whatever becomes of the domain', async () => {
    await using impatient = await LocalHost.make({ deadlines: { jobMs: 40 } });
    const { host } = impatient;
    await define(host, xml, easy);
    await start(host, 'web', BOOT);
    const job = await host.jobs.take(uuid, 'web', 'migrating to b', never, { operation: 'outgoing-migration' });
    await expect(destroyDomain(host, 'web', never)).rejects.toMatchObject({
      code: 'E_REFUSED_BUSY',
      message: expect.stringContaining('migrating to b (process') as string,
    });
    // Who only looks does not wait.
    expect((await listDomains(host, {})).domains).toHaveLength(1);
    expect(await dumpXml(host, 'web')).toContain('<name>web</name>');
    expect(await domainJob(host, 'web', false, never)).toMatchObject({ operation: 'outgoing-migration' });
    job[Symbol.dispose]();
    await destroyDomain(host, 'web', never);
    await undefine(host, 'web', { managedSave: false, signal: never });
    await expect(abortDomainJob(host, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NO_DOMAIN' });
  });
});
