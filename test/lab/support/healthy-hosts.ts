import { afterEach, beforeAll } from 'vitest';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hostA, hostB, type LabHost } from './lab-host.js';

/* Each file finds two hosts that answer and run no guest, whatever the file before it did to them. */

const LAB = fileURLToPath(new URL('../../../scripts/lab', import.meta.url));
const HEALTHY_MS = 120_000;

/** Ends what an earlier file may have left: its programs, then its guests. */
const CLEAN = `
  for pid in $(pgrep -f 'bin/xenferr[y]( |[.]js)|-agen[t][.]js'); do kill -KILL "$pid"; done
  xl list | tail -n +3 | while read -r name _; do timeout 60 xl destroy "$name"; done
  rm -rf /var/lib/xenferry /run/xenferry
  xl info >/dev/null && [ "$(xl list | wc -l)" = 2 ]`;

async function makeHealthy(host: LabHost): Promise<void> {
  const { status } = await host.run(CLEAN, HEALTHY_MS);
  if (status === 0) return;
  // Cutting its power is the one thing that always helps.
  execFileSync(LAB, ['reset', host.letter], { stdio: 'inherit', timeout: 900_000 });
  await host.ok(CLEAN, HEALTHY_MS);
}

beforeAll(async () => {
  await Promise.all([makeHealthy(hostA), makeHealthy(hostB)]);
});

afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const host of [hostA, hostB]) {
    const { stdout } = await host.run(
      'xl list; xl dmesg | tail -20; dmesg | tail -10; tail -n 15 /var/log/xen/console/*.log /tmp/serve.log',
    );
    process.stderr.write(`--- ${host.name} after a failure ---\n${stdout}\n`);
  }
});
