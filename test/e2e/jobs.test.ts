import { writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobInfo } from '../../src/host/jobs/job-messages.js';
import { Jobs } from '../../src/host/jobs/jobs.js';
import { guestXml } from '../support/hosts.js';
import { a, b, expectBackHome, faults, hosts, useTwoHosts } from '../support/fault-rig.js';
import { migrationResult, type TestHost } from '../support/hosts.js';
import { runJson } from '../support/program.js';

useTwoHosts();

const SLOW = { fault: 'save-write-slow', bytesPerSecond: 1_000_000 };
/** Of `domjobinfo`. */
const jobOf = async (host: TestHost, domain: string, ...options: string[]): Promise<Record<string, unknown>> =>
  (await runJson(host.words('domjobinfo', domain, '--json', ...options))) as Record<string, unknown>;
/** The same without a process for each look: the only job of the host. */
const lookAt = async (host: TestHost): Promise<JobInfo> => {
  const jobs = new Jobs(join(host.dir, 'xenferry', 'jobs'), process.pid, 1000);
  const holder = jobs.running().at(0);
  return holder === undefined ? { type: 'none' } : jobs.info(holder.uuid, AbortSignal.timeout(20_000));
};

describe('the job of a domain, seen from other processes', () => {
  it(
    'F47: both sides of a migration show it; the destination may stop it, and the guest runs on at home',
    { timeout: 120_000 },
    async () => {
      await b.serve();
      await a.create(guestXml({ mib: 8 }));
      faults(a, SLOW);
      const migrating = a.start(...a.migrateWords('guest', b));
      await expect
        .poll(() => lookAt(a), { timeout: 20_000 })
        .toMatchObject({ type: 'bounded', operation: 'outgoing-migration', phase: 'perform', abortable: true });
      const [there, list, info] = await Promise.all([lookAt(b), a.list(), a.info('guest')]);
      expect(await jobOf(a, 'guest')).toMatchObject({ operation: 'outgoing-migration', domain: 'guest' });
      expect(there).toMatchObject({ operation: 'incoming-migration', abortable: true });
      expect(there.dataTotalBytes).toBe(8 * 1024 * 1024);
      // Those who look do not wait for it.
      expect(list).toMatchObject([{ name: 'guest' }]);
      expect(info.name).toBe('guest');
      const busy = await a.run('destroy', 'guest', '--deadline', 'job=0.05');
      expect(busy).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('is busy: migrating to xen+tls') as string,
      });
      expect(busy.stderr).toContain(`process ${migrating.child.pid}, since 20`);

      expect(await b.must('domjobabort', 'guest')).toContain('Job of domain guest stopped');
      const result = migrationResult(await migrating.finished);
      expect(result).toMatchObject({ result: 'failed', guest: 'source-running' });
      expect(JSON.stringify(result)).toContain('domjobabort');
      expect(await jobOf(a, 'guest')).toEqual({ type: 'none' });
      expect(await jobOf(b, 'guest', '--completed')).toMatchObject({ type: 'cancelled' });
      await expectBackHome();
      // It has left; how it left is still known.
      expect(await jobOf(a, 'guest', '--completed')).toMatchObject({ type: 'completed', domain: 'guest' });
      expect(await jobOf(b, 'guest', '--completed')).toMatchObject({ type: 'completed', domain: 'guest' });
    },
  );

  it('F44: the source stops it as Ctrl-C would', { timeout: 120_000 }, async () => {
    await b.serve();
    await a.create(guestXml({ mib: 8 }));
    faults(a, SLOW);
    const migrating = a.start(...a.migrateWords('guest', b));
    await expect.poll(() => lookAt(a), { timeout: 20_000 }).toMatchObject({ phase: 'perform' });
    await a.must('domjobabort', 'guest');
    const { code } = await migrating.finished;
    expect(code).toBe(130);
    expect(migrationResult(await migrating.finished)).toMatchObject({ code: 'E_ABORTED', guest: 'source-running' });
    expect((await a.run('domjobabort', 'guest')).stderr).toContain('E_REFUSED_NO_JOB');
    expect(await a.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
  });

  it('a save and a restore are stopped, and leave what was', { timeout: 120_000 }, async () => {
    await a.create(guestXml({ mib: 8 }));
    const file = join(hosts.root, 'guest.save');
    faults(a, SLOW);
    const saving = a.start('save', 'guest', file);
    await expect.poll(() => lookAt(a), { timeout: 20_000 }).toMatchObject({ operation: 'save', type: 'bounded' });
    await a.must('domjobabort', 'guest');
    expect((await saving.finished).stderr).toContain('the guest runs on');
    expect(existsSync(file)).toBe(false);
    expect(await a.list()).toMatchObject([{ state: 'running' }]);

    faults(a);
    await a.must('save', 'guest', file);
    faults(a, { fault: 'restore-slow', bytesPerSecond: 1_000_000 });
    const restoring = a.start('restore', file);
    await expect.poll(() => lookAt(a), { timeout: 20_000 }).toMatchObject({ operation: 'restore', abortable: true });
    await a.must('domjobabort', 'guest');
    expect((await restoring.finished).code).toBe(130);
    expect(await a.list()).toEqual([]);
    writeFileSync(join(a.dir, 'faults.json'), '[]');
    await a.must('restore', file);
    expect((await a.info('guest')).guest.bad).toBe(0);
  });
});
