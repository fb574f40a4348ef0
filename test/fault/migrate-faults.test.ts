import { describe, expect, it } from 'vitest';
import {
  a,
  b,
  expectBackHome,
  expectNothingLeft,
  failedMigration,
  faults,
  hosts,
  QUIET,
  useTwoHosts,
} from '../support/fault-rig.js';
import { guestXml, migrationResult, TwoHosts } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { Proxy, type Trouble } from '../support/proxy.js';

useTwoHosts();

describe('the connection', () => {
  it.each<[string, Trouble, string]>([
    ['F6: in the handshake', { cutAfterBytes: 100 }, 'prepare'],
    ['F6: in the hello', { cutAfterBytes: 3000 }, 'prepare'],
    ['F7: at 10 % of the stream', { cutAfterBytes: 1_500_000 }, 'perform'],
    ['F7: at half of the stream', { cutAfterBytes: 7_000_000 }, 'perform'],
    ['F7: at most of the stream', { cutAfterBytes: 11_000_000 }, 'perform'],
  ])('is cut %s and may not be made again: the guest stays at the source', async (_where, trouble, phase) => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    await using proxy = await Proxy.to(b.address, trouble);
    const failed = await failedMigration(proxy.address, '--reconnect-timeout', '0');
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running', phase });
    expect(failed.message).toContain('the guest runs at the source');
    await expectBackHome();
  });

  it('F19: a bit flipped on the way is noticed', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    await using proxy = await Proxy.to(b.address, { flipAtByte: 6_000_000 });
    const failed = await failedMigration(proxy.address, '--reconnect-timeout', '0');
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running', phase: 'perform' });
    await expectBackHome();
  });

  it('F7 F11: a peer that stops answering ends the wait at its deadline', async () => {
    await b.serve('--deadline', 'stall=3');
    await a.create(guestXml({ workload: QUIET }));
    await using proxy = await Proxy.to(b.address, { freezeAfterBytes: 5_000_000 });
    const failed = await failedMigration(
      proxy.address,
      ...['--reconnect-timeout', '0', '--deadline', 'stall=2', '--deadline', 'call=2'],
    );
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running', code: 'E_DEADLINE_STALLED' });
    proxy.cut();
    await expectBackHome();
  });

  it('F24 F27: certificates of another authority are refused, and say so on both sides', async () => {
    await using other = await TwoHosts.make();
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    const words = a.migrateWords('guest', b).map((word) => (word === hosts.tlsDir ? other.tlsDir : word));
    const finished = await a.run(...words);
    expect(finished.code).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ code: 'E_TUNNEL_CERT_UNTRUSTED', guest: 'source-running' });
    await expectBackHome();
  });
});

describe('the toolstack', () => {
  it('F34: a guest that refuses to suspend ends within its deadline, running at the source', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'refuse-suspend', count: 1, timeoutMs: 1500 });
    const failed = await failedMigration(b);
    expect(failed).toMatchObject({
      exit: 1,
      guest: 'source-running',
      code: 'E_TOOLSTACK_GUEST_TIMEDOUT',
      phase: 'perform',
    });
    await expectBackHome();
  });

  it('F33: a guest that crashes when asked to suspend is not said to be anywhere it is not', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'crash-on-suspend', count: 1 });
    expect(await failedMigration(b)).toMatchObject({ exit: 4, guest: 'source-stopped' });
    expect(await a.list()).toMatchObject([{ state: 'crash' }]);
    await expectNothingLeft();
  });

  it.each([
    ['save-fails', 'E_TOOLSTACK'],
    ['save-dies', 'E_TOOLSTACK_AGENT_DIED'],
  ])('the source has %s: the guest stays at the source', async (fault, code) => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault, count: 1, afterBytes: 9_000_000 });
    const failed = await failedMigration(b);
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running', phase: 'perform' });
    expect(failed.code).toContain(code);
    await expectBackHome();
  });

  it('a save that hangs is ended by its deadline', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'save-hangs', count: 1, afterBytes: 9_000_000 });
    expect(await failedMigration(b, '--deadline', 'stall=2')).toMatchObject({
      exit: 1,
      guest: 'source-running',
      code: 'E_DEADLINE_STALLED',
    });
    await expectBackHome();
  });

  it.each([
    ['restore-fails', 'E_TOOLSTACK'],
    ['restore-dies', 'E_TOOLSTACK_AGENT_DIED'],
    ['disk-full-on-restore', 'ENOSPC'],
    ['no-memory', 'E_TOOLSTACK_NO_MEMORY'],
  ])('F36 F41: the destination has %s: the source is told why, and keeps the guest', async (fault, text) => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(b, { fault, count: 1, ...(fault === 'no-memory' ? {} : { afterBytes: 9_000_000 }) });
    const failed = await failedMigration(b);
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running' });
    expect(`${failed.code} ${failed.message}`).toContain(text);
    await expectBackHome();
  });

  it('F38: the restore refuses the first records, as Xen does where CPU features are missing: the guest has felt nothing', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(b, { fault: 'restore-fails', count: 1, afterBytes: 200 });
    const failed = await failedMigration(b);
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running' });
    expect(failed.code).toContain('E_TOOLSTACK');
    await expectBackHome();
  });

  it('a restore that hangs is ended by its deadline', async () => {
    await b.serve('--deadline', 'stall=2');
    await a.create(guestXml({ workload: QUIET }));
    faults(b, { fault: 'restore-hangs', count: 1, afterBytes: 9_000_000 });
    expect(await failedMigration(b, '--deadline', 'stall=4')).toMatchObject({
      exit: 1,
      guest: 'source-running',
      code: 'E_DEADLINE_STALLED',
    });
    await expectBackHome();
  });

  it('F42: a guest that arrived and is not let run at the first try runs all the same', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(b, { fault: 'unpause-fails', count: 2 });
    const { code, result, stderr } = await a.migrate('guest', b);
    expect(code, stderr).toBe(0);
    expect(result.result).toBe('done');
    expect(stderr).not.toContain('does not run');
    expect(await a.list()).toEqual([]);
    expect(await b.list()).toMatchObject([{ state: 'running' }]);
    expect((await b.info('guest')).guest.bad).toBe(0);
  });

  it('F42: a guest that arrived and cannot be let run is at the destination, and is said to be paused there', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(b, { fault: 'unpause-fails', count: 3 });
    const { code, stdout, stderr } = await a.run(...a.migrateWords('guest', b));
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'done', running: false });
    expect(stderr).toContain('does not run');
    expect(await a.list()).toEqual([]);
    expect(await b.list()).toMatchObject([{ state: 'paused' }]);
    await b.must('resume', 'guest');
    expect((await b.info('guest')).guest.bad).toBe(0);
  });

  it('F43: a source copy that cannot be destroyed stays suspended, cannot be resumed, and recover ends it', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    faults(a, { fault: 'destroy-fails', count: 3 });
    const { code, result, stderr } = await a.migrate('guest', b);
    expect(code, stderr).toBe(0);
    expect(result.result).toBe('done');
    expect(stderr).toContain('xenferry recover');
    expect(await a.list()).toMatchObject([{ state: 'suspended' }]);
    const resume = await a.run('resume', 'guest');
    expect(resume.code).toBe(3);
    expect(resume.stderr).toContain('may be running there already');
    expect(await a.openMigrations()).toHaveLength(1);
    await a.must('recover', '--tls-dir', hosts.tlsDir);
    expect(await a.list()).toEqual([]);
    expect(await a.openMigrations()).toEqual([]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('a guest that cannot be resumed after a failure: exit 4, and recover brings it back', async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET, mib: 4 }));
    faults(a, { fault: 'resume-fails', count: 3 });
    faults(b, { fault: 'restore-slow', count: 1, bytesPerSecond: 800_000 });
    const moving = a.start(...a.migrateWords('guest', b));
    await moving.saysOnStderr(/"phase":"finish"/);
    await b.stop('SIGKILL');
    const port = b.address;
    await b.serve('--listen', port);
    const finished = await moving.finished;
    expect(finished.code, finished.stderr).toBe(4);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-suspended' });
    await a.must('recover', '--tls-dir', hosts.tlsDir);
    await expectBackHome();
  });
});
