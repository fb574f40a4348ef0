import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestXml, migrationResult, type TwoHosts } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { PROGRAM, run, start } from '../support/program.js';
import { Proxy } from '../support/proxy.js';
import { SshHosts } from '../support/ssh-hosts.js';
import { hasOpenSsh } from '../unit/tunnel/ssh/openssh-server.js';
import { makeKey } from '../unit/tunnel/ssh/test-server.js';

let ssh: SshHosts;
let hosts: TwoHosts;
beforeEach(async () => {
  ssh = await SshHosts.start();
  ({ hosts } = ssh);
});
afterEach(async () => {
  await ssh[Symbol.asyncDispose]();
});

/** The words of a migration to the second host: through another port, or with a configuration there, where these are named. */
function words(more: { readonly port?: number; readonly config?: string }, ...options: string[]): string[] {
  const config = more.config === undefined ? '' : ` --config-file ${more.config}`;
  return [
    ...hosts.a.words('migrate', '--live', '--json', 'guest'),
    `xen+ssh://${ssh.login(more.port)}/system`,
    '--remote-command',
    `${process.execPath} ${PROGRAM} -c ${hosts.b.uri}${config}`,
    ...options,
  ];
}

describe.skipIf(!hasOpenSsh())('a live migration over ssh, to a host without a daemon', () => {
  it.each([
    ['ssh+tls', [], 'ssh+tls'],
    ['ssh channels alone', ['--transport', 'ssh'], 'ssh'],
  ])('over %s', async (_what, options, transport) => {
    const { a, b } = hosts;
    await a.create(guestXml());
    const finished = await run(words({}, ...options), ssh.env);
    expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done', transport });
    expect(await a.list()).toEqual([]);
    expect(await b.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    expect(await b.openMigrations()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('a key that is not allowed there sends nothing, one that is does', async () => {
    const { a, b } = hosts;
    await a.create(guestXml());
    const [, fingerprint] = execFileSync('ssh-keygen', ['-lf', join(ssh.home.dir, '.ssh/id_ed25519')], {
      encoding: 'latin1',
    }).split(' ');
    const config = join(hosts.root, 'there.conf');
    const from = words({ config });

    writeFileSync(config, `allow_ssh = ["SHA256:${'A'.repeat(43)}"]\n`);
    const refused = await run(from, ssh.env);
    expect(refused.code, refused.stderr).toBe(1);
    expect(migrationResult(refused)).toMatchObject({ code: 'E_TUNNEL_REMOTE_EXIT', guest: 'source-running' });
    expect(refused.stderr).toContain('E_REFUSED_NOT_ALLOWED');
    expect(refused.stderr).toContain(fingerprint);
    expect(await b.list()).toEqual([]);

    writeFileSync(config, `allow_ssh = ["${fingerprint}"]\n`);
    const allowed = await run(from, ssh.env);
    expect(migrationResult(allowed), allowed.stderr).toMatchObject({ result: 'done' });
  });

  it('F31: a host whose key has changed is refused, with the remedy', async () => {
    ssh.home.knows(ssh.sshd.port, makeKey());
    await hosts.a.create(guestXml());
    const finished = await run(words({}), ssh.env);
    expect(finished.code).toBe(1);
    expect(migrationResult(finished)).toMatchObject({ code: 'E_TUNNEL_HOSTKEY_CHANGED', guest: 'source-running' });
    expect(finished.stderr).toContain('ssh-keygen');
  });

  it('F1: kill -9 of the source in perform: the far process removes its half and ends', async () => {
    const { a, b } = hosts;
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='4000000'/>" }));
    const moving = start(words({}, '--reconnect-timeout', '2'), ssh.env);
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
    await using proxy = await Proxy.to(`127.0.0.1:${ssh.sshd.port}`);
    const port = Number(proxy.address.split(':')[1]);
    ssh.home.knows(port, ssh.hostKey);
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='12000000'/>" }));
    const moving = start(words({ port }, ...options), ssh.env);
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

describe.skipIf(!hasOpenSsh())('a live migration over ssh, to a host whose daemon runs', () => {
  const WAYS: [string, string[]][] = [
    ['ssh+tls', []],
    ['ssh', ['--transport', 'ssh']],
  ];

  it.each(WAYS)('the daemon takes the guest in, over %s', async (transport, options) => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml());
    const finished = await run(words({}, ...options), ssh.env);
    expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done', transport });
    expect(b.serverLog).toMatch(/guest: arriving from .* \(\w+@ssh\)/);
    expect(b.serverLog).toContain('guest: arrived');
    expect(await a.list()).toEqual([]);
    expect(await b.list()).toMatchObject([{ name: 'guest', state: 'running' }]);
    expect((await b.info('guest')).guest.bad).toBe(0);
    expect(await b.openMigrations()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('without a word more than `receive`, as sshd starts it where nothing is set otherwise', async () => {
    const { b } = hosts;
    await b.serve();
    await hosts.a.create(guestXml());
    const from = words({});
    from[from.indexOf('--remote-command') + 1] = `env XENFERRY_URI=${b.uri} ${process.execPath} ${PROGRAM}`;
    const finished = await run(from, ssh.env);
    expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done', transport: 'ssh+tls' });
    expect(b.serverLog).toContain('guest: arrived');
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([hosts.a.dir, b.dir]);
  });

  it('the list of hosts with certificates does not apply to it, the rules for logins do', async () => {
    const { a, b } = hosts;
    const config = join(hosts.root, 'there.conf');
    writeFileSync(config, `allow_ssh = ["SHA256:${'A'.repeat(43)}"]\n`);
    await b.serve('--allow', 'nobody.example', '--config-file', config);
    await a.create(guestXml());
    const refused = await run(words({ config }), ssh.env);
    expect(migrationResult(refused)).toMatchObject({ code: 'E_TUNNEL_REMOTE_EXIT', guest: 'source-running' });
    expect(refused.stderr).toContain('E_REFUSED_NOT_ALLOWED');
    expect(b.serverLog).toContain('may not send guests to this host by ssh');
    expect(await b.list()).toEqual([]);

    writeFileSync(config, `allow_ssh = ["${userInfo().username}"]\n`);
    // Whose process goes by a configuration of its own is let in by both, or not at all.
    const own = join(hosts.root, 'own.conf');
    writeFileSync(own, `allow_ssh = ["nobody"]\n`);
    const barred = await run(words({ config: own }), ssh.env);
    expect(migrationResult(barred)).toMatchObject({ code: 'E_TUNNEL_REMOTE_EXIT', guest: 'source-running' });
    expect(barred.stderr).toContain('E_REFUSED_NOT_ALLOWED');
    const allowed = await run(words({ config }), ssh.env);
    expect(migrationResult(allowed), allowed.stderr).toMatchObject({ result: 'done' });
  });

  it.each(WAYS)('F7: the ssh connection is cut, over %s: the daemon is reached again', async (_what, options) => {
    const { a, b } = hosts;
    await b.serve();
    await using proxy = await Proxy.to(`127.0.0.1:${ssh.sshd.port}`);
    const port = Number(proxy.address.split(':')[1]);
    ssh.home.knows(port, ssh.hostKey);
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='12000000'/>" }));
    const moving = start(words({ port }, ...options), ssh.env);
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    proxy.cut();
    const finished = await moving.finished;
    const result = migrationResult(finished);
    expect(result, finished.stderr).toMatchObject({ result: 'done' });
    if (result.result === 'done') expect(result.reconnects).toBeGreaterThan(0);
    expect((await b.info('guest')).guest.bad).toBe(0);
    expect(await b.openMigrations()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('F1: kill -9 of the source in perform: the daemon removes its half, and goes on', async () => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='4000000'/>" }));
    const moving = start(words({}, '--reconnect-timeout', '2'), ssh.env);
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    moving.kill('SIGKILL');
    await moving.finished;
    await expect.poll(() => b.list(), { timeout: 20_000 }).toEqual([]);
    expect((await a.info('guest')).state).toBe('running');
    await expect.poll(() => b.openMigrations(), { timeout: 20_000 }).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('the daemon ends in the middle, by %s: the guest stays', async (signal) => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml({ faults: "<embedded:fault name='save-write-slow' bytesPerSecond='4000000'/>" }));
    const moving = start(words({}, '--reconnect-timeout', '2'), ssh.env);
    await moving.saysOnStderr(/"rawBytes":[1-9]\d{6}/);
    await b.stop(signal);
    const finished = await moving.finished;
    expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'failed', guest: 'source-running' });
    expect((await a.info('guest')).state).toBe('running');
    if (signal === 'SIGKILL') await run(b.words('recover'), ssh.env);
    await expect.poll(() => b.list(), { timeout: 20_000 }).toEqual([]);
  });
});
