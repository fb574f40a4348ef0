import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const UNIT = fileURLToPath(new URL('../../../packaging/systemd/xenferry.service', import.meta.url));
/** systemd's figure for what a service is exposed to, times ten: 100 is all, an unconfined service has 96. */
const MOST_EXPOSURE = 55;

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
/** `systemd-analyze security --offline` is of systemd 250. */
const hasOffline =
  hasSystemd && spawnSync('systemd-analyze', ['--help'], { encoding: 'utf8' }).stdout.includes('--offline');

const text = readFileSync(UNIT, 'utf8');
/** The values of a setting, in order. */
const valuesOf = (name: string, of = text): string[] =>
  [...of.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value);

describe('the systemd unit of serve', () => {
  let dir: string;
  let unit: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'xenferry-unit-'));
    unit = join(dir, 'xenferry.service');
    // The program need not be installed where the unit is checked.
    writeFileSync(unit, text.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const analyze = (...words: string[]): { status: number | null; said: string } => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };

  it.runIf(hasSystemd)('is taken by systemd without a complaint', () => {
    expect(analyze('verify', unit)).toEqual({ status: 0, said: '' });
    writeFileSync(join(dir, 'broken.service'), `${readFileSync(unit, 'utf8')}\n[Service]\nMemoryMax=much\n`);
    expect(analyze('verify', join(dir, 'broken.service')).said).toContain('Invalid memory limit');
  });

  it.runIf(hasOffline)('is confined, by systemd’s own measure', () => {
    const limit = (file: string): number | null =>
      analyze('security', '--offline=true', `--threshold=${MOST_EXPOSURE}`, file).status;
    expect(limit(unit), analyze('security', '--offline=true', unit).said).toBe(0);
    writeFileSync(join(dir, 'bare.service'), `[Service]\nExecStart=${process.execPath}\n`);
    expect(limit(join(dir, 'bare.service'))).not.toBe(0);
  });

  it('bounds memory and tasks, and leaves what libxl, device models and scripts need', () => {
    expect(valuesOf('MemoryMax')).toHaveLength(1);
    expect(Number(valuesOf('TasksMax')[0])).toBeGreaterThan(500);
    const capabilities = valuesOf('CapabilityBoundingSet').join(' ').split(' ');
    for (const needed of ['CAP_SYS_ADMIN', 'CAP_SYS_RAWIO', 'CAP_NET_ADMIN', 'CAP_SETUID']) {
      expect(capabilities).toContain(needed);
    }
    for (const never of ['CAP_SYS_MODULE', 'CAP_SYS_BOOT', 'CAP_SYS_PTRACE', 'CAP_MAC_ADMIN', 'CAP_SYS_TIME']) {
      expect(capabilities).not.toContain(never);
    }
    // Guests outlive the daemon, and V8 makes code.
    expect(valuesOf('KillMode')).toEqual(['process']);
    for (const breaks of ['MemoryDenyWriteExecute', 'PrivateDevices', 'ProtectKernelTunables', 'User']) {
      expect(valuesOf(breaks)).toEqual([]);
    }
  });
});
