import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventually } from '../support/eventually.js';
import { guestXml, TestHost, TwoHosts } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';

const reasonSchema = z.object({ destination: z.string(), code: z.string() });
const reportSchema = z.object({
  result: z.string(),
  destinations: z.array(z.object({ destination: z.string(), error: z.string().optional() })),
  domains: z.array(
    z.object({
      name: z.string(),
      result: z.string(),
      destination: z.string().optional(),
      totalMs: z.number().optional(),
      reasons: z.array(reasonSchema),
    }),
  ),
  left: z.array(z.string()),
});
type Report = z.infer<typeof reportSchema>;

let hosts: TwoHosts;
let c: TestHost;
beforeEach(async () => {
  hosts = await TwoHosts.make();
  c = new TestHost('c', hosts.root, hosts.tlsDir);
});
afterEach(async () => {
  await c.stop();
  await hosts[Symbol.asyncDispose]();
});

const uriOf = (host: TestHost): string => `xen+tls://${host.address}/system`;
const names = async (host: TestHost): Promise<string[]> => (await host.list()).map(({ name }) => name).toSorted();

function words(to: readonly string[], ...options: string[]): string[] {
  return ['evacuate', '--to', to.join(','), '--tls-dir', hosts.tlsDir, ...options];
}

async function evacuate(
  from: TestHost,
  to: readonly string[],
  ...options: string[]
): Promise<{ code: number; report: Report; stderr: string }> {
  const { code, stdout, stderr } = await from.run(...words(to, '--json', ...options));
  const last = stdout.trim().split('\n').at(-1) ?? '';
  if (last === '') throw new Error(`no report; exit ${code}\n${stderr}`);
  return { code, report: reportSchema.parse(JSON.parse(last)), stderr };
}

describe('a host that is emptied', () => {
  it('sends its domains to several others, all but those that are to stay, once it has said how', async () => {
    const { a, b } = hosts;
    await b.serve();
    await c.serve();
    for (const [name, mib] of [
      ['one', 24],
      ['two', 16],
      ['three', 8],
      ['stays', 8],
    ] as const) {
      await a.create(guestXml({ name, mib }));
    }
    const plan = await a.run(...words([uriOf(b), uriOf(c)], '--exclude', 'stays', '--dry-run'));
    expect(plan.code).toBe(0);
    expect(plan.stdout).toMatch(/one +24\.0 MiB +xen\+tls/);
    expect(plan.stdout).not.toContain('stays');
    expect(await names(a)).toEqual(['one', 'stays', 'three', 'two']);

    const { code, report, stderr } = await evacuate(a, [uriOf(b), uriOf(c)], '--exclude', 'stays');
    expect(code, stderr).toBe(0);
    expect(report).toMatchObject({ result: 'done', left: [] });
    expect(report.domains.map(({ result }) => result)).toEqual(['moved', 'moved', 'moved']);
    expect(stderr).toContain('"event":"leaving"');
    expect(await names(a)).toEqual(['stays']);
    expect(await names(b)).toEqual(['one']);
    expect(await names(c)).toEqual(['three', 'two']);
    for (const [host, name] of [
      [b, 'one'],
      [c, 'two'],
      [c, 'three'],
    ] as const) {
      expect((await host.info(name)).guest.bad).toBe(0);
    }
    assertNeverTwice([a.dir, b.dir, c.dir]);
  });

  it('by its daemon, and tells people', async () => {
    const { a, b } = hosts;
    await a.serve();
    await b.serve();
    await a.create(guestXml({ name: 'one' }));
    await a.must('suspend', 'one');
    const { code, stdout, stderr } = await a.run(...words([uriOf(b)]));
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^Name +Result +Destination +Total +Downtime\none +moved +xen\+tls/);
    expect(stdout).toContain('all domains have been moved');
    expect(stderr).toMatch(/one: to xen\+tls.*\n(.*\n)*one: is at xen\+tls/);
    expect(a.serverLog).toContain('moved to');
    expect(await b.list()).toMatchObject([{ name: 'one', state: 'paused' }]);
  });

  it('as far as it can be: who finds no room stays and runs, and the reason is told', async () => {
    const { a, b } = hosts;
    await b.serve();
    await b.stop();
    writeFileSync(join(b.dir, 'host.json'), JSON.stringify({ hostname: 'small', totalMemoryKiB: 24_576, cpus: 1 }));
    await b.serve();
    await a.create(guestXml({ name: 'large', mib: 64 }));
    await a.create(guestXml({ name: 'small', mib: 8 }));
    const nobody = 'xen+tls://127.0.0.1:1/system';
    const { code, report, stderr } = await evacuate(a, [nobody, uriOf(b)]);
    expect(code).toBe(6);
    expect(stderr).toContain(`{"event":"warning","text":"${nobody} is left out`);
    expect(report).toMatchObject({ result: 'partly', left: ['large'] });
    expect(report.domains.find(({ name }) => name === 'large')).toMatchObject({
      result: 'stays',
      reasons: [{ destination: uriOf(b), code: 'E_REFUSED_NO_MEMORY' }],
    });
    expect(await names(b)).toEqual(['small']);
    expect((await a.info('large')).state).toBe('running');

    const again = await a.run(...words([uriOf(b)]));
    expect(again.code).toBe(1);
    expect(again.stdout).toContain('still here: large');
    expect(again.stderr).toContain('E_REFUSED_NO_MEMORY');
  });

  it('F49: takes nobody in meanwhile, and is stopped by Ctrl-C: its domains run on here', async () => {
    const { a, b } = hosts;
    await a.serve();
    await b.serve();
    await a.create(guestXml({ name: 'slow', mib: 64 }));
    await a.create(guestXml({ name: 'next', mib: 8 }));
    await b.create(guestXml({ name: 'other', mib: 8 }));
    const running = a.start(...words([uriOf(b)], '--json', '--parallel', '1', '--bandwidth', '4'));
    await eventually(() => expect(running.stderr).toContain('"event":"progress","domain":"slow"'));
    const refused = await b.migrate('other', a);
    expect(refused).toMatchObject({ code: 3, result: { code: 'E_REFUSED_EVACUATING', guest: 'untouched' } });
    expect(refused.stderr).toContain('is being emptied (xenferry evacuate (process ');
    const second = await a.run(...words([uriOf(b)]));
    expect(second.code).toBe(3);
    expect(second.stderr).toContain('E_REFUSED_EVACUATING');

    running.kill('SIGINT');
    const { code, stdout } = await running.finished;
    expect(code).toBe(130);
    expect(reportSchema.parse(JSON.parse(stdout))).toMatchObject({ result: 'cancelled', left: ['slow', 'next'] });
    for (const name of ['slow', 'next']) expect((await a.info(name)).state).toBe('running');
    expect(await names(b)).toEqual(['other']);
    expect((await b.migrate('other', a)).code).toBe(0);
  });

  it('F49: waits for a guest that was let in before, and sends it on', async () => {
    const { a, b } = hosts;
    await a.serve();
    await b.serve();
    await c.serve();
    await b.create(guestXml({ name: 'late', mib: 16 }));
    const coming = b.start(...b.migrateWords('late', a, '--bandwidth', '8', '--progress', 'json'));
    await eventually(() => expect(coming.stderr).toContain('"phase":"perform"'));
    const { code, report, stderr } = await evacuate(a, [uriOf(c)]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('waits for late, which is arriving from');
    expect(report).toMatchObject({ domains: [{ name: 'late', result: 'moved' }], left: [] });
    expect((await coming.finished).code).toBe(0);
    expect([await names(a), await names(b), await names(c)]).toEqual([[], [], ['late']]);
    expect((await c.info('late')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir, c.dir]);
  });

  it('F46: whose client is killed is open again, and its daemon brings to an end what was begun', async () => {
    const { a, b } = hosts;
    await a.serve();
    await b.serve();
    await a.create(guestXml({ name: 'slow', mib: 32 }));
    await b.create(guestXml({ name: 'other', mib: 8 }));
    const running = a.start(...words([uriOf(b)], '--json', '--bandwidth', '16'));
    await eventually(() => expect(running.stderr).toContain('"event":"progress","domain":"slow"'));
    running.kill('SIGKILL');
    await running.finished;
    expect((await b.migrate('other', a)).code).toBe(0);
    await eventually(async () => expect(await names(a)).toEqual(['other']));
    expect(await names(b)).toEqual(['slow']);
    expect((await b.info('slow')).guest.bad).toBe(0);
  });
});

describe('what is wrong with the words', () => {
  it('is told as JSON as well', async () => {
    const { code, stdout } = await hosts.a.run('evacuate', '--to', 'xen+tls://b/system', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'failed', code: 'E_USAGE_TLS_DIR', guest: 'untouched' });
  });

  it.each([
    [['--to', 'ftp://b/system'], 2, 'E_USAGE_URI'],
    [['--to', ','], 2, '--to names no destination'],
    [['--to', 'xen+tls://b/system', '--parallel', '0'], 2, '--parallel 0: a whole number from 1 to 64'],
    [['--to', 'xen+tls://b/system', '--compress', 'gzip'], 2, 'E_USAGE_COMPRESS'],
    [['--to', 'xen+tls://b/system', '--exclude', 'nobody'], 3, 'E_REFUSED_NO_DOMAIN'],
    [['--to', 'xen+tls://127.0.0.1:1/system'], 3, 'E_REFUSED_NO_DESTINATION'],
    [[], 2, 'to'],
  ])('%j', async (options, code, text) => {
    const finished = await hosts.a.run('evacuate', '--tls-dir', hosts.tlsDir, ...options);
    expect(finished).toMatchObject({ code });
    expect(finished.stderr).toContain(text);
  });
});
