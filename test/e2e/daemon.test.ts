import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { guestXml, migrationResult, TwoHosts } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
  await hosts.a.serve();
  await hosts.b.serve();
  await hosts.a.create(guestXml());
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

/** Slow enough to strike in the middle. */
const SLOW = ['--bandwidth', '8'];

describe('a migration on a host whose daemon runs', () => {
  it('is done by the daemon, with the same words; by the process itself where it is told so', async () => {
    const { a, b } = hosts;
    const { code, result, stderr } = await a.migrate('guest', b);
    expect(code, stderr).toBe(0);
    expect(result).toMatchObject({ result: 'done', domain: 'guest', transport: 'tls', warnings: [] });
    expect(stderr).toContain('"phase":"perform"');
    expect(a.serverLog).toContain(`guest: moved to xen+tls://${b.address}/system`);
    expect((await b.migrate('guest', a, '--no-p2p')).result.result).toBe('done');
    expect(b.serverLog).not.toContain('guest: moved to');
    assertNeverTwice([a.dir, b.dir]);
  });

  it('says what is wrong as it would itself', async () => {
    const { a, b } = hosts;
    for (const [words, code] of [
      [['nobody'], 3],
      [['guest', '--lanes', '0'], 2],
      [['guest', '--deadline', 'nothing=3'], 2],
      [['guest', '--xml', '/nowhere.xml'], 2],
    ] as const) {
      const [domain, ...options] = words;
      const through = await a.run(...a.migrateWords(domain, b, ...options));
      const alone = await a.run(...a.migrateWords(domain, b, ...options, '--no-p2p'));
      expect(through.code).toBe(code);
      expect(alone.code).toBe(code);
      const said = ({ stderr }: { readonly stderr: string }): string => stderr.replace(/^\{.*\n/gm, '');
      expect(said(through)).toBe(said(alone));
      expect(migrationResult(through)).toEqual(migrationResult(alone));
    }
    expect((await a.info('guest')).state).toBe('running');
  });

  it('F44: Ctrl-C at the client stops it, and the guest runs on', async () => {
    const { a, b } = hosts;
    const client = a.start(...a.migrateWords('guest', b, ...SLOW));
    await client.saysOnStderr(/"phase":"perform"/);
    client.kill('SIGINT');
    const finished = await client.finished;
    expect(finished.code).toBe(130);
    expect(migrationResult(finished)).toMatchObject({ result: 'failed', guest: 'source-running' });
    expect((await a.info('guest')).state).toBe('running');
    expect(await a.openMigrations()).toEqual([]);
    expect((await a.migrate('guest', b)).code).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('F3: goes on when its client is killed', async () => {
    const { a, b } = hosts;
    const client = a.start(...a.migrateWords('guest', b, ...SLOW));
    await client.saysOnStderr(/"phase":"perform"/);
    client.kill('SIGKILL');
    await eventually(async () => expect(await b.list()).toMatchObject([{ name: 'guest', state: 'running' }]));
    await eventually(async () => expect(await a.list()).toEqual([]));
    await eventually(async () => expect(await a.openMigrations()).toEqual([]));
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('F46: goes on while its client is stopped, which hears of it later', async () => {
    const { a, b } = hosts;
    const client = a.start(...a.migrateWords('guest', b, ...SLOW));
    await client.saysOnStderr(/"phase":"perform"/);
    client.kill('SIGSTOP');
    await eventually(async () => expect(await b.list()).toMatchObject([{ name: 'guest', state: 'running' }]));
    client.kill('SIGCONT');
    const finished = await client.finished;
    expect(finished.code).toBe(0);
    expect(migrationResult(finished)).toMatchObject({ result: 'done', domain: 'guest' });
    assertNeverTwice([a.dir, b.dir]);
  });

  it('F1: a daemon that is killed leaves its client with the truth, and the next one settles it', async () => {
    const { a, b } = hosts;
    const client = a.start(...a.migrateWords('guest', b, ...SLOW));
    await client.saysOnStderr(/"phase":"perform"/);
    await a.stop('SIGKILL');
    const finished = await client.finished;
    expect(finished.code).toBe(5);
    expect(migrationResult(finished)).toMatchObject({ code: 'E_DAEMON_LOST', guest: 'in-doubt', phase: 'perform' });
    await a.serve();
    await eventually(async () => expect(await a.openMigrations()).toEqual([]));
    expect((await a.info('guest')).state).toBe('running');
    expect((await a.migrate('guest', b)).code).toBe(0);
    expect((await b.info('guest')).guest.bad).toBe(0);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('ends with its daemon, in good order', async () => {
    const { a, b } = hosts;
    const client = a.start(...a.migrateWords('guest', b, ...SLOW));
    await client.saysOnStderr(/"phase":"perform"/);
    await a.stop('SIGTERM');
    const finished = await client.finished;
    expect(finished.code).toBe(130);
    expect(migrationResult(finished)).toMatchObject({ guest: 'source-running' });
    expect((await a.info('guest')).state).toBe('running');
    await eventually(async () => expect(await b.list()).toEqual([]));
  });

  it('F47: a second signal does not wait for a destination that stands still', async () => {
    const { a, b } = hosts;
    // Nothing else may end the wait: neither a deadline nor a keepalive.
    const config = join(hosts.root, 'patient.conf');
    writeFileSync(config, 'keepalive_interval = 600\n');
    await Promise.all([a.stop(), b.stop()]);
    const there = await b.serve();
    const here = await a.serve('--config-file', config);
    const patience = ['--config-file', config, '--deadline', 'call=600', '--deadline', 'stall=600'];
    const client = a.start(...a.migrateWords('guest', b, ...SLOW, ...patience));
    await client.saysOnStderr(/"phase":"perform"/);
    there.kill('SIGSTOP');
    try {
      const again = setInterval(() => here.kill('SIGTERM'), 300);
      await here.finished.finally(() => clearInterval(again));
      const finished = await client.finished;
      expect(finished.code).toBe(130);
      expect(migrationResult(finished)).toMatchObject({ guest: 'source-running' });
      expect((await a.info('guest')).state).toBe('running');
    } finally {
      there.kill('SIGCONT');
    }
    await eventually(async () => expect(await b.list()).toEqual([]));
    assertNeverTwice([a.dir, b.dir]);
  });

  it('is asked after and stopped by name, like any other', async () => {
    const { a, b } = hosts;
    const client = a.start(...a.migrateWords('guest', b, ...SLOW));
    await client.saysOnStderr(/"phase":"perform"/);
    expect(await a.must('domjobinfo', 'guest')).toContain('Outgoing migration');
    await a.must('domjobabort', 'guest');
    expect((await client.finished).code).toBe(130);
    expect((await a.info('guest')).state).toBe('running');
  });
});
