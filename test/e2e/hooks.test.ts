import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guestXml, TwoHosts, type TestHost } from '../support/hosts.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
  for (const host of [hosts.a, hosts.b]) record(host);
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

const callsOf = (host: TestHost): string => join(host.dir, 'calls');

/** A hook that writes down how it is called, and which guest the XML that it reads is of. */
function record(host: TestHost): void {
  const dir = join(host.dir, 'xenferry', 'hooks');
  mkdirSync(dir, { recursive: true });
  const script = join(dir, 'libxl');
  const name = `name=$(sed -n 's,.*<name>\\(.*\\)</name>.*,\\1,p' | head -1)`;
  writeFileSync(script, `#!/bin/sh\n${name}\necho "$@ $name" >> ${callsOf(host)}\n`);
  chmodSync(script, 0o755);
}

/** The calls since the last look. */
function calls(host: TestHost): string[] {
  if (!existsSync(callsOf(host))) return [];
  const lines = readFileSync(callsOf(host), 'utf8').trim().split('\n');
  rmSync(callsOf(host));
  return lines;
}

const called = (...moments: string[]): string[] => moments.map((moment) => `web1 ${moment} - web1`);
const STARTED = called('prepare begin', 'start begin', 'started begin');
const ENDED = called('stopped end', 'release end');

it(
  'S24: hooks are called in order for start, failed start, shutdown, both sides of a migration, and a daemon that comes back',
  { timeout: 120_000 },
  async () => {
    const { a, b } = hosts;
    const file = join(hosts.root, 'web1.xml');
    writeFileSync(file, guestXml({ name: 'web1', mib: 8, workload: "dirtyMiBPerSecond='1'" }));
    await a.must('define', file);
    expect(calls(a)).toEqual([]);

    writeFileSync(join(a.dir, 'faults.json'), JSON.stringify([{ fault: 'no-memory', count: 1 }]));
    expect(await a.run('start', 'web1')).toMatchObject({ code: 1 });
    expect(calls(a)).toEqual([...called('prepare begin', 'start begin'), ...ENDED]);

    const first = await a.serve();
    await first.saysOnStderr(/the domains of this host are watched/);
    await a.must('start', 'web1');
    expect(calls(a)).toEqual(STARTED);
    await a.must('shutdown', 'web1');
    await expect.poll(() => a.must('domstate', '--reason', 'web1'), { timeout: 30_000 }).toBe('shut off (shutdown)\n');
    expect(calls(a)).toEqual(ENDED);

    await a.must('start', 'web1');
    await a.stop('SIGKILL');
    calls(a);
    const second = await a.serve();
    await second.saysOnStderr(/the domains of this host are watched/);
    expect(calls(a)).toEqual(called('reconnect begin'));

    await b.serve();
    await a.migrate('web1', b);
    expect(calls(a)).toEqual(ENDED);
    expect(calls(b)).toEqual([...called('migrate begin'), ...STARTED]);

    // One that objects there: nothing is left of it, and nothing was done to it here.
    writeFileSync(join(b.dir, 'faults.json'), '[]');
    await b.must('destroy', 'web1');
    expect(calls(b)).toEqual(ENDED);
    await a.must('start', 'web1');
    calls(a);
    writeFileSync(join(b.dir, 'xenferry', 'hooks', 'libxl'), `#!/bin/sh\necho 'no guests on Mondays' >&2\nexit 3\n`);
    const { code, result } = await a.migrate('web1', b);
    expect(code).toBe(3);
    expect(result).toMatchObject({
      result: 'failed',
      guest: 'untouched',
      message: expect.stringContaining('no guests on Mondays') as string,
    });
    expect(calls(a)).toEqual([]);
    expect(await a.must('dominfo', 'web1', '--json')).toContain('"state":"running"');
  },
);
