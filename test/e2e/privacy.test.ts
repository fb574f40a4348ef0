import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestXml, migrationResult, TwoHosts, type TestHost } from '../support/hosts.js';
import { PROGRAM } from '../support/program.js';

const SECRET = 'SeCrEt-of-a-screen';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

/** Everything under a folder that somebody else than its owner could use, were the folder open. */
function open(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const { mode } = lstatSync(join(dir, name));
    return (mode & 0o077) === 0 ? [] : [`${name} ${(mode & 0o777).toString(8)}`];
  });
}

/** Processes of this test's hosts: what they were started with, and their environment. */
function childrenOf(pid: number): { readonly words: string; readonly environment: string }[] {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return ''; // it has ended
    }
  };
  return read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child !== '')
    .flatMap((child) => [
      { words: read(`/proc/${child}/cmdline`), environment: read(`/proc/${child}/environ`) },
      ...childrenOf(Number(child)),
    ]);
}

const xml = guestXml({ mib: 8 }).replace(
  '</os>',
  `</os><devices><graphics type='vnc' port='-1' autoport='yes' passwd='${SECRET}'/></devices>`,
);

async function move(a: TestHost, b: TestHost): Promise<string> {
  const server = await b.serve();
  await a.create(xml);
  const moving = a.start(...a.migrateWords('guest', b, '--bandwidth', '2'));
  await moving.saysOnStderr(/"phase":"perform"/);
  const look = (): ReturnType<typeof childrenOf> =>
    [moving, server].flatMap(({ child }) => childrenOf(child.pid ?? 0)).filter(({ words }) => words.includes('agent'));
  await expect.poll(() => look().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  const seen = look();
  for (const { words, environment } of seen) {
    expect(words).not.toContain(SECRET);
    expect(words).not.toContain('PRIVATE KEY');
    expect(environment).not.toContain(SECRET);
  }
  const finished = await moving.finished;
  expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done' });
  await b.stop();
  return finished.stderr + finished.stdout + server.stderr + server.stdout;
}

describe('what others on a host can see', () => {
  it('no password is in the arguments or the environment of a child, or in what is printed', async () => {
    expect(await move(hosts.a, hosts.b)).not.toContain(SECRET);
  });

  it('with a umask of 0 folders are 0700 and files 0600 all the same', async () => {
    const file = join(hosts.root, 'guest.xml');
    writeFileSync(file, xml);
    const words = hosts.a.words('create', file);
    execFileSync('/bin/sh', ['-c', 'umask 0; exec "$0" "$@"', process.execPath, PROGRAM, ...words], { stdio: 'pipe' });
    expect(open(join(hosts.a.dir, 'xenferry'))).toEqual([]);
  });
});
