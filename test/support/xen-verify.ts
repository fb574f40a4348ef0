import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Where Debian's xen-utils have Xen's own stream checker, newest first. */
const CHECKERS = ['4.20', '4.19', '4.18', '4.17', '4.16', '4.14'].map((version) => ({
  script: `/usr/lib/xen-${version}/bin/verify-stream-v2`,
  modules: `/usr/lib/xen-${version}/lib/python`,
}));
const checker = CHECKERS.find(({ script }) => existsSync(script));

export const xenVerifyAvailable = checker !== undefined && existsSync('/usr/bin/python3');

/** What Xen itself says of a stream in a file. */
export function xenVerify(file: string): { readonly ok: boolean; readonly output: string } {
  if (checker === undefined) throw new Error('xen-utils is not installed: check xenVerifyAvailable first');
  const run = spawnSync('/usr/bin/python3', [checker.script, '-f', 'libxl', '-i', file], {
    env: { PYTHONPATH: checker.modules, PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { ok: run.status === 0, output: `${run.stdout}${run.stderr}` };
}
