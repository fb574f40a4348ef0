import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeaseFolder } from '../../../../src/host/leases/lease-folder.js';
import { sweepLeases } from '../../../../src/operations/sweep-leases.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { define } from '../../../../src/operations/definition/define.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { resumeDomain } from '../../../../src/operations/lifecycle/pause.js';
import { start } from '../../../../src/operations/lifecycle/start.js';
import type { Migrated, MigrateRequest } from '../../../../src/migration/migrate.js';
import { recover } from '../../../../src/migration/recover/recover.js';
import { restore } from '../../../../src/operations/saving/restore.js';
import { save } from '../../../../src/operations/saving/save.js';
import { DaemonWatch } from '../../../../src/operations/watch/daemon-watch.js';
import { guestXml } from '../../../support/hosts.js';
import { BOOT, LocalHost, never, Recorder } from '../../../support/local-host.js';
import { moveBetween } from '../../../support/moving.js';
import { throughJson } from '../../../support/through-json.js';

const disk = (path: string, more = ''): string =>
  `<disk type='file'><source file='${path}'/><target dev='xvda' bus='xen'/>${more}</disk>`;
const xml = (name: string, disks = disk('/srv/a.img')): string =>
  guestXml({ name, mib: 8, uuid: `5e0d6a1c-4a4e-4d7d-9a38-${Buffer.from(name.padEnd(6)).toString('hex')}` }).replace(
    '</os>',
    `</os><devices>${disks}</devices>`,
  );
const run = { paused: false, validate: false, signal: never };

let dir: string;
let recorder: Recorder;
let a: LocalHost;
let b: LocalHost;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'xenferry-leases-'));
  recorder = new Recorder();
  a = await LocalHost.make({ leaseDir: dir, participants: [recorder] });
  b = await LocalHost.make({ leaseDir: dir });
  writeFileSync(a.path('host.json'), JSON.stringify({ hostname: 'hv1' }));
  writeFileSync(b.path('host.json'), JSON.stringify({ hostname: 'hv2' }));
});
afterEach(async () => {
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** `HOST GUEST` of all who have a disk. */
async function holders(): Promise<string[]> {
  const found: string[] = [];
  for (const key of readdirSync(dir).filter((name) => name.length === 64)) {
    const current = await new LeaseFolder(dir).read(key, never);
    found.push(...(current?.record.holders ?? []).map(({ host, name }) => `${host} ${name}`));
  }
  return found.sort();
}

const running = async (local: LocalHost): Promise<string[]> =>
  (await local.host.toolstack.list()).map(({ name, state }) => `${name} ${state}`);

function move(options: Partial<MigrateRequest> = {}): Promise<Migrated> {
  return moveBetween(a, b, { destination: 'hv2', ...options });
}

describe('shared disks, of which libxl does not say that they are', () => {
  it('stay shared when their guest moves', async () => {
    const shared = (name: string): string => xml(name, disk('/srv/a.img', '<shareable/>'));
    const json = await LocalHost.make({ leaseDir: dir, around: throughJson });
    await using _json = json;
    writeFileSync(json.path('host.json'), JSON.stringify({ hostname: 'hv3' }));
    await createDomain(json.host, shared('web1'), run);
    await createDomain(b.host, shared('web2'), run);
    await moveBetween(json, b, { destination: 'hv2' });
    expect(await holders()).toEqual(['hv2 web1', 'hv2 web2']);
  });
});

describe('disk leases', () => {
  it('let one of two hosts start a guest on one disk, both of which try at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.allSettled([
        createDomain(a.host, xml('web1'), run),
        createDomain(b.host, xml('web2'), run),
      ]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect([...(await running(a)), ...(await running(b))]).toHaveLength(1);
      expect(await holders()).toHaveLength(1);
      const refused = results.find((result) => result.status === 'rejected');
      expect(refused?.reason).toMatchObject({ code: 'E_REFUSED_LEASE' });
      const [host, name] = results[0].status === 'fulfilled' ? [a.host, 'web1'] : [b.host, 'web2'];
      await destroyDomain(host, name, never);
      expect(await holders()).toEqual([]);
    }
  });

  it('say who has the disk, since when, and what to do', async () => {
    await createDomain(a.host, xml('web1'), run);
    await expect(createDomain(b.host, xml('web2'), run)).rejects.toMatchObject({
      code: 'E_REFUSED_LEASE',
      message: expect.stringMatching(
        /^disk \/srv\/a\.img of web2 is in use by web1 \([0-9a-f-]{36}\) on hv1, since 20/,
      ) as string,
      hint: expect.stringMatching(/Stop web1 on hv1.*--force-lease.*destroy/) as string,
      data: { disk: '/srv/a.img', holder: 'web1', host: 'hv1' },
    });
    // The same guest, from a copy of its definition, too.
    await expect(createDomain(b.host, xml('web1'), run)).rejects.toMatchObject({
      code: 'E_REFUSED_LEASE',
      hint: expect.stringContaining('migrate') as string,
    });
    // And on the same host.
    await expect(createDomain(a.host, xml('web3'), run)).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
    expect(await holders()).toEqual(['hv1 web1']);
    expect(await running(b)).toEqual([]);
  });

  it('are as long as the guest: start, save, restore, a stop by itself, a start that fails', async () => {
    await define(a.host, xml('web1'), { validate: false, signal: never });
    await start(a.host, 'web1', BOOT);
    expect(await holders()).toEqual(['hv1 web1']);
    const file = a.path('web1.save');
    await save(a.host, {
      domain: 'web1',
      file,
      checkpoint: false,
      unpause: false,
      signal: never,
      onEvent: () => undefined,
    });
    expect(await holders()).toEqual([]);
    await createDomain(b.host, xml('web2'), run);
    const again = { file, paused: false, signal: never, onEvent: () => undefined };
    await expect(restore(a.host, again)).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
    await destroyDomain(b.host, 'web2', never);
    await restore(a.host, again);
    expect(await holders()).toEqual(['hv1 web1']);
    await destroyDomain(a.host, 'web1', never);
    recorder.objects = 'started';
    await expect(start(a.host, 'web1', BOOT)).rejects.toThrow('started objects');
    expect(await holders()).toEqual([]);
    expect(a.host.leases.noted()).toEqual([]);
  });

  it('share what is shareable, and ask for nothing where a guest only reads', async () => {
    const shared = disk('/srv/a.img', '<shareable/>');
    await createDomain(a.host, xml('web1', shared), run);
    await createDomain(b.host, xml('web2', shared), run);
    expect(await holders()).toEqual(['hv1 web1', 'hv2 web2']);
    await expect(createDomain(b.host, xml('web3'), run)).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
    await createDomain(b.host, xml('web4', disk('/srv/a.img', '<readonly/>')), run);
    expect(await holders()).toEqual(['hv1 web1', 'hv2 web2']);
    await destroyDomain(a.host, 'web1', never);
    expect(await holders()).toEqual(['hv2 web2']);
  });

  it('know a file by any of its names', async () => {
    mkdirSync(a.path('srv'));
    writeFileSync(a.path('srv', 'a.img'), '');
    await createDomain(a.host, xml('web1', disk(a.path('srv', 'a.img'))), run);
    const other = `${a.path('srv')}/../srv//a.img`;
    await expect(createDomain(b.host, xml('web2', disk(other)), run)).rejects.toMatchObject({
      code: 'E_REFUSED_LEASE',
    });
  });

  it('of a dead host are taken only by force, and that is written down', async () => {
    await createDomain(a.host, xml('web1'), run);
    await define(b.host, xml('web2'), { validate: false, signal: never });
    await start(b.host, 'web2', { ...BOOT, forceLease: true });
    expect(await holders()).toEqual(['hv2 web2']);
    expect(b.log.join()).toMatch(/web2: the lease of \/srv\/a\.img is taken by force from web1 \(.*\) on hv1, since/);
    // The old holder, should it come back, does not let go of what is another's.
    await destroyDomain(a.host, 'web1', never);
    expect(await holders()).toEqual(['hv2 web2']);
  });

  it('of a guest of this host that is not here any more are leftovers: a start takes them, recover lets them go', async () => {
    await createDomain(a.host, xml('web1'), run);
    const [info] = await a.host.toolstack.list();
    // As behind a kill -9: nobody noticed its end.
    await a.host.toolstack.destroy(info.domid);
    expect(await holders()).toEqual(['hv1 web1']);
    await createDomain(a.host, xml('web3'), run);
    expect(await holders()).toEqual(['hv1 web3']);
    const [third] = await a.host.toolstack.list();
    await a.host.toolstack.destroy(third.domid);
    await recover(a.host, { connectTo: () => Promise.reject(new Error('nobody to ask')), signal: never });
    expect(await holders()).toEqual([]);
    expect(a.host.leases.noted()).toEqual([]);
  });

  it('are found again by a daemon: taken where they are free, and let go where the guest has gone', async () => {
    await createDomain(a.host, xml('web1'), run);
    await createDomain(a.host, xml('web2', disk('/srv/b.img')), run);
    const gone = await a.host.toolstack.lookup('web2');
    if (gone !== undefined) await a.host.toolstack.destroy(gone.domid);
    // The leases of web1 have been let go by hand.
    for (const key of readdirSync(dir)) if (key.length === 64) rmSync(join(dir, key), { recursive: true });
    await using watch = new DaemonWatch(await a.open(), 'a test');
    await watch.ready;
    expect(await holders()).toEqual(['hv1 web1']);
  });

  it('do not keep a guest from running that lost its own, but say so', async () => {
    await createDomain(a.host, xml('web1'), run);
    await createDomain(b.host, xml('web2'), { ...run, forceLease: true });
    await using watch = new DaemonWatch(await a.open(), 'a test');
    await watch.ready;
    expect(a.log.join()).toContain('web1: RUNS WITHOUT ITS LEASE: disk /srv/a.img of web1 is in use by web2');
    expect(await running(a)).toEqual(['web1 running']);
  });

  it('are not taken in a folder that the share is not mounted on', async () => {
    await createDomain(a.host, xml('web1'), run);
    await destroyDomain(a.host, 'web1', never);
    rmSync(dir, { recursive: true });
    await expect(createDomain(a.host, xml('web1'), run)).rejects.toMatchObject({ code: 'E_SYSTEM_LEASES' });
    mkdirSync(dir);
    await expect(createDomain(a.host, xml('web1'), run)).rejects.toMatchObject({
      code: 'E_REFUSED_LEASE_FOLDER',
      hint: expect.stringContaining('mounted') as string,
    });
    expect(await running(a)).toEqual([]);
  });
});

describe('a migration under leases', () => {
  it('takes them along, and the old host can no longer start the guest', async () => {
    await createDomain(a.host, xml('web1'), run);
    await move();
    await b.host.leases.idle();
    expect(await holders()).toEqual(['hv2 web1']);
    await expect(createDomain(a.host, xml('web3'), run)).rejects.toMatchObject({
      code: 'E_REFUSED_LEASE',
      data: { host: 'hv2' },
    });
    await destroyDomain(b.host, 'web1', never);
    expect(await holders()).toEqual([]);
  });

  it('that the destination cannot commit gives them back', async () => {
    await createDomain(a.host, xml('web1'), run);
    const claim = b.host.leases.migrating.claim.bind(b.host.leases.migrating);
    let seen: string[] = [];
    b.host.leases.migrating.claim = async (...words) => {
      await claim(...words);
      seen = await holders();
      throw new Error('and then the journal fails');
    };
    await expect(move()).rejects.toMatchObject({ guest: 'source-running' });
    expect(seen).toEqual(['hv2 web1']);
    expect(await holders()).toEqual(['hv1 web1']);
    b.host.leases.migrating.claim = claim;
    await move();
    expect(await holders()).toEqual(['hv2 web1']);
  });

  it('is refused before anything begins where a third has the disk there', async () => {
    await createDomain(a.host, xml('web1'), run);
    await createDomain(b.host, xml('web2'), { ...run, forceLease: true });
    await expect(move()).rejects.toMatchObject({
      code: 'E_REFUSED_LEASE',
      message: expect.stringContaining('in use by web2') as string,
    });
    expect(await running(a)).toEqual(['web1 running']);
  });

  it('is refused to a host that does not keep them in the same folder, unless that is said to be fine', async () => {
    await createDomain(a.host, xml('web1'), run);
    await b[Symbol.asyncDispose]();
    b = await LocalHost.make();
    await expect(move()).rejects.toMatchObject({
      code: 'E_REFUSED_FEATURE',
      hint: expect.stringContaining('--unsafe') as string,
    });
    await move({ unsafe: true });
    expect(await holders()).toEqual([]);
  });

  it('whose leases went to another by force meanwhile does not let the guest go on', async () => {
    await createDomain(a.host, xml('web1'), run);
    const me = (await a.host.toolstack.list())[0];
    await createDomain(b.host, xml('web2'), { ...run, forceLease: true });
    await a.host.leases.migrating.reclaim(me.uuid, '00000000-0000-4000-8000-000000000000').then(
      () => expect.unreachable(),
      (error: unknown) => expect(error).toMatchObject({ code: 'E_REFUSED_LEASE' }),
    );
    await expect(a.host.leases.migrating.check(me.uuid, never)).rejects.toMatchObject({ code: 'E_REFUSED_LEASE' });
    expect(await sweepLeases(a.host, never)).toEqual([]);
    await expect(resumeDomain(a.host, 'web1', never)).resolves.toMatchObject({ name: 'web1' }); // it runs: nothing to do
  });
});
