import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertNeverTwice } from '../support/oracle.js';
import { guestXml, TwoHosts } from '../support/hosts.js';

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

describe('a live migration over mutual TLS', () => {
  it('S50: moves a busy guest: one copy, every page right, the heartbeat goes on', async () => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml({ mib: 64, workload: "dirtyMiBPerSecond='20'" }));
    const before = await a.info('guest');
    const { code, result, stderr } = await a.migrate('guest', b);
    expect(result, stderr).toMatchObject({ result: 'done', domain: 'guest', transport: 'tls' });
    expect(code).toBe(0);
    if (result.result !== 'done') throw new Error('not done');
    expect(result.rawBytes).toBeGreaterThan(64 * 1024 * 1024);
    expect(result.wireBytes).toBeGreaterThan(0);
    expect(result.rounds).toBeGreaterThan(1);
    const away = result.downtimeMs ?? 0;
    expect(away).toBeGreaterThan(0);
    const parts = Object.values(result.downtime ?? {});
    expect(parts).toHaveLength(5);
    // Each is rounded, and none is counted twice.
    expect(Math.abs(parts.reduce<number>((sum, ms) => sum + (ms ?? 0), 0) - away)).toBeLessThanOrEqual(5);
    // Zero pages and such are told, not sent. The rest is packed only where that is faster, which it is not on every machine.
    expect(result.wireBytes).toBeLessThan(result.rawBytes * 0.8);
    expect(result.digest).toMatch(/^sparse-(xxh3-128|aes-gmac):[0-9a-f]{32}$/);
    expect(await a.list()).toEqual([]);
    expect(await b.list()).toMatchObject([{ name: 'guest', uuid: before.uuid, state: 'running', persistent: false }]);
    const after = await b.info('guest');
    expect(after.guest).toMatchObject({ checked: 64 * 256, bad: 0 });
    expect(after.guest.ticks).toBeGreaterThan(before.guest.ticks);
    expect(await a.openMigrations()).toEqual([]);
    expect(await b.openMigrations()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('goes there and back again, with one lane and with eight', async () => {
    const { a, b } = hosts;
    await a.serve();
    await b.serve();
    await a.create(guestXml());
    for (const lanes of ['1', '8']) {
      expect((await a.migrate('guest', b, '--lanes', lanes)).result).toMatchObject({
        result: 'done',
        lanes: Number(lanes),
      });
      expect((await b.migrate('guest', a)).result.result).toBe('done');
    }
    expect((await a.info('guest')).guest.bad).toBe(0);
    expect(await b.list()).toEqual([]);
    assertNeverTwice([a.dir, b.dir]);
  });

  it('moves a guest that is not live, leaves it paused on request, and renames it', async () => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml());
    const words = a.migrateWords('guest', b, '--suspend', '--dname', 'other').filter((word) => word !== '--live');
    const { code, stdout } = await a.run(...words);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: 'done', running: false, downtimeMs: null });
    expect(await b.list()).toMatchObject([{ name: 'other', state: 'paused' }]);
    await b.must('resume', 'other');
    expect((await b.info('other')).guest.bad).toBe(0);
  });

  it('leaves a guest paused that was paused', async () => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml());
    await a.must('suspend', 'guest');
    expect((await a.migrate('guest', b)).result).toMatchObject({ result: 'done' });
    expect(await b.list()).toMatchObject([{ name: 'guest', state: 'paused' }]);
  });

  it('keeps to --bandwidth', async () => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml({ mib: 16, workload: "dirtyMiBPerSecond='0'" }));
    const { result } = await a.migrate('guest', b, '--bandwidth', '16');
    if (result.result !== 'done') throw new Error(result.message);
    expect(result.totalMs).toBeGreaterThan(900);
  });

  it('prints for people without --json', async () => {
    const { a, b } = hosts;
    await b.serve();
    await a.create(guestXml());
    const { code, stdout, stderr } = await a.run(...a.migrateWords('guest', b).filter((word) => word !== '--json'));
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^guest runs at xen\+tls:\/\/.*: \d+\.\d\d s, downtime \d+ ms \(drain \d+, last round \d+, restore \d+, commit \d+, unpause \d+\), /,
    );
    expect(stderr).toContain('perform');
  });
});

describe('what is refused before anything is touched', () => {
  it('F37: a name or a UUID that the destination has already', async () => {
    const { a, b } = hosts;
    await b.serve();
    const uuid = '11111111-2222-4333-8444-555555555555';
    await a.create(guestXml({ uuid }));
    await b.create(guestXml());
    const named = await a.migrate('guest', b);
    expect(named).toMatchObject({
      code: 3,
      result: { result: 'failed', code: 'E_REFUSED_NAME_TAKEN', guest: 'untouched' },
    });
    await b.must('destroy', 'guest');
    await b.create(guestXml({ uuid, name: 'other' }));
    const same = await a.migrate('guest', b);
    expect(same).toMatchObject({ code: 3, result: { code: 'E_REFUSED_UUID_TAKEN' } });
    expect(same.stderr).toContain("domain 'other' is already there");
    expect((await a.info('guest')).state).toBe('running');
    await b.must('destroy', 'other');
    expect((await a.migrate('guest', b)).code).toBe(0);
  });

  it('F36: a guest that is larger than the free memory there', async () => {
    const { a, b } = hosts;
    await b.serve();
    await b.stop();
    writeFileSync(join(b.dir, 'host.json'), JSON.stringify({ hostname: 'small', totalMemoryKiB: 16_384, cpus: 1 }));
    await b.serve();
    await a.create(guestXml());
    const { code, result } = await a.migrate('guest', b);
    expect(code).toBe(3);
    expect(result).toMatchObject({ code: 'E_REFUSED_NO_MEMORY', guest: 'untouched' });
    expect((await a.info('guest')).guest.bad).toBe(0);
  });

  it.each([
    ['domain 0', '0', 'E_REFUSED_DOMAIN0'],
    ['domain 0 by name', 'Domain-0', 'E_REFUSED_DOMAIN0'],
    ['a domain that is not there', 'nobody', 'E_REFUSED_NO_DOMAIN'],
  ])('%s', async (_what, domain, code) => {
    await hosts.b.serve();
    expect(await hosts.a.migrate(domain, hosts.b)).toMatchObject({ code: 3, result: { code } });
  });

  it('S39: a new name that is none', async () => {
    await hosts.b.serve();
    await hosts.a.create(guestXml());
    expect(await hosts.a.migrate('guest', hosts.b, '--dname', 'a/b')).toMatchObject({
      code: 2,
      result: { code: 'E_USAGE_DOMAIN_NAME' },
    });
  });

  it.each(['gzip', 'zstd:0', 'zstd:99'])('a compression that is none: %s', async (compression) => {
    await hosts.b.serve();
    await hosts.a.create(guestXml());
    expect(await hosts.a.migrate('guest', hosts.b, '--compress', compression)).toMatchObject({
      code: 2,
      result: { code: 'E_USAGE_COMPRESS' },
    });
  });

  it('a destination where nobody listens, and one without certificates', async () => {
    const { a } = hosts;
    await a.create(guestXml());
    expect(await a.migrate('guest', '127.0.0.1:1')).toMatchObject({
      code: 1,
      result: { code: 'E_TUNNEL_UNREACHABLE', guest: 'source-running' },
    });
    const { code, stderr } = await a.run('migrate', 'guest', 'xen+tls://127.0.0.1:1/system');
    expect(code).toBe(2);
    expect(stderr).toContain('--tls-dir');
  });
});

describe('save and restore', () => {
  it('write a file and bring the guest back from it, its memory right', async () => {
    const { a, b } = hosts;
    await a.create(guestXml());
    const file = join(hosts.root, 'guest.save');
    await a.must('save', 'guest', file);
    expect(await a.list()).toEqual([]);
    const before = await b.must('restore', file);
    expect(before).toContain('restored');
    expect((await b.info('guest')).guest).toMatchObject({ bad: 0, checked: 32 * 256 });
  });

  it('leave the guest running and no file when the file cannot be written', async () => {
    const { a } = hosts;
    await a.create(guestXml());
    const { code, stderr } = await a.run('save', 'guest', '/dev/null/guest.save');
    expect(code).toBe(3);
    expect(stderr).toContain('cannot write');
    expect((await a.info('guest')).state).toBe('running');
  });

  it('leave the guest running on a checkpoint', async () => {
    const { a } = hosts;
    await a.create(guestXml());
    const file = join(hosts.root, 'guest.save');
    await a.must('save', 'guest', file, '--checkpoint');
    expect((await a.info('guest')).state).toBe('running');
    expect(existsSync(file)).toBe(true);
  });
});
