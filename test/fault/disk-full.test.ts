import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  a,
  b,
  expectBackHome,
  expectNothingLeft,
  failedMigration,
  hosts,
  QUIET,
  useTwoHosts,
} from '../support/fault-rig.js';
import { guestXml } from '../support/hosts.js';

useTwoHosts();

function mountSmall(dir: string): boolean {
  mkdirSync(dir, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', dir]).status === 0;
}

/** Takes all the room that is left. */
function fill(dir: string): void {
  for (let index = 0; ; index += 1) {
    try {
      writeFileSync(join(dir, `filler-${index}`), Buffer.alloc(4096));
    } catch {
      return;
    }
  }
}

const canMount = (() => {
  const probe = mkdtempSync(join(tmpdir(), 'xenferry-mount-'));
  const mounted = mountSmall(probe);
  if (mounted) spawnSync('umount', [probe]);
  rmdirSync(probe);
  return mounted;
})();

describe.skipIf(!canMount)('F50: a disk without room', () => {
  let small: string;
  beforeEach(() => {
    small = join(hosts.root, 'small');
    mountSmall(small);
  });
  afterEach(() => {
    spawnSync('umount', [small]);
  });

  it("for the source's journal: nothing is touched, and the guest runs on", async () => {
    await b.serve();
    await a.create(guestXml({ workload: QUIET }));
    const state = join(small, 'state');
    await a.must('list', '--state-dir', state);
    // The lock files are there before the room goes.
    await a.must('suspend', 'guest', '--state-dir', state);
    await a.must('resume', 'guest', '--state-dir', state);
    fill(small);
    const failed = await failedMigration(b, '--state-dir', state);
    expect(failed).toMatchObject({ exit: 1, guest: 'source-running', code: 'E_SYSTEM_JOURNAL' });
    expect(failed.message).toContain('ENOSPC');
    await expectNothingLeft();
    await expectBackHome();
  });

  it("for the destination's state: the source is told before anything is touched", async () => {
    const state = join(small, 'state');
    await a.create(guestXml({ workload: QUIET }));
    await b.serve('--state-dir', state);
    fill(small);
    const failed = await failedMigration(b);
    expect(failed).toMatchObject({ exit: 3, guest: 'untouched', code: 'E_SYSTEM_ENOSPC' });
    expect(failed.message).toContain('no space left on device');
    await b.stop();
    await b.serve();
    await expectBackHome();
  });

  it('for a save file: no file is left, and the guest runs on', async () => {
    await a.create(guestXml({ workload: QUIET }));
    const file = join(small, 'guest.save');
    const { code, stderr } = await a.run('save', 'guest', file);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('the guest runs on');
    expect(existsSync(file)).toBe(false);
    expect(existsSync(`${file}.part`)).toBe(false);
    expect((await a.info('guest')).state).toBe('running');
  });
});
