import { userInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestXml, migrationResult, TwoHosts } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { PROGRAM, run, start } from '../support/program.js';
import { Proxy } from '../support/proxy.js';
import { hasOpenSsh, OpenSshServer } from '../unit/tunnel-ssh/openssh-server.js';
import { makeKey, TestHome } from '../unit/tunnel-ssh/test-server.js';

describe.skipIf(!hasOpenSsh())('a live migration over ssh, to a host without a daemon', () => {
  const hostKey = makeKey();
  const userKey = makeKey();
  let hosts: TwoHosts;
  let home: TestHome;
  let sshd: OpenSshServer;

  beforeEach(async () => {
    hosts = await TwoHosts.make();
    home = new TestHome();
    home.write('id_ed25519', userKey.privateText);
    sshd = await OpenSshServer.start(home, [hostKey], [userKey]);
    home.knows(sshd.port, hostKey);
  });
  afterEach(async () => {
    await sshd[Symbol.asyncDispose]();
    home[Symbol.dispose]();
    await hosts[Symbol.asyncDispose]();
  });

  const words = (...options: string[]): string[] => wordsTo(sshd.port, ...options);
  const wordsTo = (port: number, ...options: string[]): string[] => [
    ...hosts.a.words('migrate', '--live', '--json', 'guest'),
    `xen+ssh://${userInfo().username}@127.0.0.1:${port}/system`,
    '--remote-command',
    `${process.execPath} ${PROGRAM} -c ${hosts.b.uri}`,
    ...options,
  ];
  const env = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, HOME: home.dir });

  it.each([
    ['ssh+tls', [], 'ssh+tls'],
    ['ssh channels alone', ['--transport', 'ssh'], 'ssh'],
  ])('over %s', async (_what, options, transport) => {
    const { a, b } = hosts;
    await a.create(guestXml());
    const finished = await run(words(...options), env());
    expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done', transport });
    expect(await a.list()).toEqual([]);
    expect(await b.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    expect(await b.openMigrations()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('F31: a host whose key has changed is refused, with the remedy', async () => {
    home.knows(sshd.port, makeKey());
    await hosts.a.create(guestXml());
    const finished = await run(words(), env());
    expect(finished.code).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ code: 'E_TUNNEL_HOSTKEY_CHANGED', guest: 'source-running' });
    expect(finished.stderr).toContain('ssh-keygen');
  });

  it('F1: kill -9 of the source in perform: the far process removes its half and ends', async () => {
    const { a, b } = hosts;
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='4000000'/>" }));
    const moving = start(words('--reconnect-timeout', '2'), env());
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    moving.kill('SIGKILL');
    await moving.finished;
    await expect.poll(() => b.list(), { timeout: 20_000 }).toEqual([]);
    expect((await a.info('guest')).state).toBe('running');
    await expect.poll(() => b.openMigrations(), { timeout: 20_000 }).toEqual([]);
  });

  it.each([
    ['ssh+tls: the control connection goes on by TLS', []],
    ['ssh channels alone: a new login reaches the same process', ['--transport', 'ssh']],
  ])('F7: the ssh connection is cut, over %s', async (_what, options) => {
    const { a, b } = hosts;
    await using proxy = await Proxy.to(`127.0.0.1:${sshd.port}`);
    const port = Number(proxy.address.split(':')[1]);
    home.knows(port, hostKey);
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='12000000'/>" }));
    const moving = start(wordsTo(port, ...options), env());
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.cut();
    const finished = await moving.finished;
    const result = migrationResult(finished);
    expect(result, finished.stderr).toMatchObject({ result: 'done' });
    if (result.result === 'done') expect(result.reconnects).toBeGreaterThan(0);
    expect(await a.list()).toEqual([]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    expect(await b.openMigrations()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });
});
