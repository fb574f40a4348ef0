import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHost } from '../../src/api/host.js';
import { listDomains } from '../../src/api/domains.js';
import { openMigrations } from '../../src/api/recovery.js';
import { eventually } from '../support/eventually.js';
import { guestXml, TwoHosts } from '../support/hosts.js';
import { startScript } from '../support/program.js';

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

/** The programs of examples/, as a reader starts them: they import the built package by its name. */
describe('an example program', () => {
  it('moves a domain, and says where the guest is when it cannot', async () => {
    const { a, b, tlsDir } = hosts;
    await b.serve();
    await a.create(guestXml({ name: 'web1' }));
    const words = [a.uri, 'web1', `xen+tls://${b.address}/system`, tlsDir];
    const moved = await startScript(example('move-domain.mjs'), words).finished;
    expect(moved.stdout).toMatch(/^web1 runs at xen\+tls:.* paused for \d+ ms\n$/);
    expect(moved.code).toBe(0);
    expect(moved.stderr).toContain('phase: perform');
    expect((await b.list()).map(({ name, state }) => [name, state])).toEqual([['web1', 'running']]);
    expect(await a.list()).toEqual([]);

    const gone = await startScript(example('move-domain.mjs'), words).finished;
    expect(gone).toMatchObject({ code: 1, stdout: '' });
    expect(gone.stderr).toContain('E_REFUSED_NO_DOMAIN: ');
  });

  it('empties a host, and prints the plan first', async () => {
    const { a, b, tlsDir } = hosts;
    await b.serve();
    await a.create(guestXml({ name: 'large', mib: 48 }));
    await a.create(guestXml({ name: 'small', mib: 16 }));
    const to = `xen+tls://${b.address}/system`;
    const { code, stdout, stderr } = await startScript(example('empty-host.mjs'), [a.uri, tlsDir, to]).finished;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual([`plan: large to ${to}`, `plan: small to ${to}`]);
    expect(lines.slice(2).toSorted()).toEqual([`large: moved ${to}`, `small: moved ${to}`]);
    expect(await a.list()).toEqual([]);
  });

  it('watches events until it is stopped', async () => {
    const { a } = hosts;
    const watching = startScript(example('watch-events.mjs'), [a.uri, 'web1']);
    await watching.saysOnStderr(/watching/);
    await a.create(guestXml({ name: 'other', mib: 16 }));
    await a.create(guestXml({ name: 'web1', mib: 16 }));
    await a.must('destroy', 'web1');
    await eventually(() => expect(watching.stdout).toContain('web1: stopped, destroyed'));
    watching.kill('SIGINT');
    const { code, stdout } = await watching.finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S+ web1: started, booted\n\S+ web1: stopped, destroyed\n$/);
  });
});

it('the API sees what the command line did, and the other way round', async () => {
  const { a } = hosts;
  await a.create(guestXml({ name: 'web1', mib: 16 }));
  await using host = await openHost({ uri: a.uri });
  const { domains, damaged } = await listDomains(host);
  expect(domains.map(({ name, state }) => [name, state])).toEqual([['web1', 'running']]);
  expect(damaged).toEqual([]);
  expect(openMigrations(host)).toEqual([]);
});
