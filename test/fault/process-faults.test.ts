import { describe, expect, it } from 'vitest';
import { a, b, expectBackHome, expectNothingLeft, faults, hosts, QUIET, useTwoHosts } from '../support/fault-rig.js';
import { guestXml, migrationResult, type Failed } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { Proxy } from '../support/proxy.js';

useTwoHosts();

describe('processes', () => {
  it('F1: kill -9 of the source in perform: the guest goes on at the source, the half-restored one is gone', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    moving.kill('SIGKILL');
    await moving.finished;
    await expectNothingLeft();
    expect((await a.info('guest')).state).toBe('running');
    await a.must('recover', '--tls-dir', hosts.tlsDir);
    await expectBackHome();
  });

  it('F2: kill -9 of the destination in perform: the guest goes on at the source, the half-restored one is gone', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    await b.stop('SIGKILL');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running', phase: 'perform' });
    await expectNothingLeft();
    await b.serve();
    await expectBackHome();
  });

  it('F2 F12: kill -9 of the destination while it decides: the source asks again, and gets its guest back', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 800_000 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"phase":"finish"/);
    const address = b.address;
    await b.stop('SIGKILL');
    await b.serve('--listen', address);
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running', phase: 'finish' });
    await expectBackHome();
  });

  it('F13 F54: kill -9 of the source once finish was sent: the guest arrives, and recover ends the old copy', async () => {
    const server = await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 800_000 });
    const moving = a.start(...a.migrateWords('guest', b));
    await server.saysOnStderr(/asks to finish/);
    moving.kill('SIGKILL');
    await moving.finished;
    await expect.poll(() => b.list(), { timeout: 30_000 }).toMatchObject([{ name: 'guest', state: 'running' }]);
    expect(await a.list()).toMatchObject([{ state: 'suspended' }]);
    expect((await a.run('resume', 'guest')).code).toBe(3);
    await a.must('recover', '--tls-dir', hosts.tlsDir);
    expect(await a.list()).toEqual([]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('F5 F14: in doubt: exit 5, the copy stays suspended; recover settles it when the destination is back', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 800_000 });
    const moving = a.start(...a.migrateWords('guest', b, '--deadline', 'ask=2'));
    await moving.saysOnStderr(/"phase":"finish"/);
    const address = b.address;
    await b.stop('SIGKILL');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(5);
    const failed = migrationResult(finished);
    expect(failed).toMatchObject({ guest: 'in-doubt', code: 'E_TUNNEL_IN_DOUBT' });
    expect((failed as Failed).hint).toContain('xenferry recover');
    expect(await a.list()).toMatchObject([{ state: 'suspended' }]);
    const early = await a.run('recover', '--tls-dir', hosts.tlsDir, '--deadline', 'ask=1');
    expect(early.code).toBe(5);
    await b.serve('--listen', address);
    await a.must('recover', '--tls-dir', hosts.tlsDir);
    await expectBackHome();
  });

  it('F48: of two migrations of one domain at once, the second is told who has it', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 8_000_000, count: 1 });
    const first = a.start(...a.migrateWords('guest', b));
    await first.saysOnStderr(/"phase":"perform"/);
    const second = await a.migrate('guest', b, '--deadline', 'job=0.5');
    expect(second).toMatchObject({ code: 3, result: { code: 'E_REFUSED_BUSY', guest: 'untouched' } });
    expect(second.stderr).toContain('migrating to xen+tls://');
    expect((await first.finished).code).toBe(0);
    expect((await b.info('guest')).guest.bad).toBe(0);
  });
});

describe('the operator', () => {
  it('F44: Ctrl-C before the downtime: 130, and the guest runs on', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    moving.kill('SIGINT');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(130);
    expect(migrationResult(finished)).toMatchObject({ code: 'E_ABORTED', guest: 'source-running' });
    await expectBackHome();
  });

  it('Ctrl-C twice: it does not wait for a destination that is silent, and the guest runs on', async () => {
    await b.serve('--deadline', 'stall=3');
    await a.create(guestXml({ workload: QUIET }));
    await using proxy = await Proxy.to(b.address, { freezeAfterBytes: 5_000_000 });
    const moving = a.start(...a.migrateWords('guest', proxy.address));
    await proxy.frozen;
    moving.kill('SIGINT');
    await moving.saysOnStderr(/once more/);
    moving.kill('SIGINT');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(130);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running' });
    proxy.cut();
    await expectBackHome();
  });

  it('F45: Ctrl-C once finish was sent is noted, and the outcome is learned', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 800_000 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"phase":"finish"/);
    moving.kill('SIGINT');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(0);
    expect(await a.list()).toEqual([]);
    expect((await b.info('guest')).guest.bad).toBe(0);
  });

  it('stopping the destination gives the guest back to the source', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-write-slow', bytesPerSecond: 4_000_000, count: 1 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    await b.stop('SIGTERM');
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running' });
    await b.serve();
    await expectBackHome();
  });
});
