import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { recoverArrival } from '../../../src/dest/recover.js';
import { openArrivals } from '../../../src/journal/open-migrations.js';
import { connectThrough } from '../../../src/migration/connect/connect.js';
import { setAutostart, startAutostarted } from '../../../src/operations/lifecycle/autostart.js';
import { createDomain } from '../../../src/operations/lifecycle/create.js';
import { define } from '../../../src/operations/definition/define.js';
import { dumpXml } from '../../../src/operations/lifecycle/details.js';
import { domainState } from '../../../src/operations/lifecycle/domain-state.js';
import { arrivalsOf } from '../../../src/operations/running/incoming.js';
import { listDomains, type ListedDomain } from '../../../src/operations/lifecycle/list.js';
import { start } from '../../../src/operations/lifecycle/start.js';
import type { Migrated, MigrateRequest } from '../../../src/migration/migrate.js';
import { recover } from '../../../src/migration/recover/recover.js';
import { AccessRules } from '../../../src/host/access/access-rules.js';
import { MigrationServer } from '../../../src/migration/server/migration-server.js';
import { connectToSelf } from '../../../src/migration/xl/local-destination.js';
import type { ProgressEvent } from '../../../src/source/report.js';
import type { Connect } from '../../../src/source/destination.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';
import { guestXml } from '../../support/hosts.js';
import { BOOT, LocalHost, never, Recorder } from '../../support/local-host.js';
import { moveBetween } from '../../support/moving.js';
import { linkPair } from '../tunnel/duplex-pair.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const DISK = "<disk type='file'><source file='/srv/web1.img'/><target dev='xvda' bus='xen'/></disk>";
const xml = (parts = '', workload?: string): string =>
  guestXml({ name: 'web1', uuid: UUID, mib: 8, ...(workload === undefined ? {} : { workload }) }).replace(
    '</os>',
    `</os>${parts}`,
  );
const easy = { validate: false, signal: never };

let here: Recorder;
let there: Recorder;
let a: LocalHost;
let b: LocalHost;
let said: ProgressEvent[];
beforeEach(async () => {
  here = new Recorder();
  there = new Recorder();
  a = await LocalHost.make({ participants: [here] });
  b = await LocalHost.make({ participants: [there] });
  said = [];
});
afterEach(async () => {
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
});

const toB = (): Connect =>
  connectToSelf(b.host, { transport: 'tls', name: 'a', address: 'a' }, (line) => b.log.push(line));

function move(options: Partial<MigrateRequest> = {}): Promise<Migrated> {
  return moveBetween(a, b, { onProgress: (event) => said.push(event), ...options });
}

const list = async (local: LocalHost): Promise<ListedDomain[]> =>
  (await listDomains(local.host, { all: true })).domains;
const state = async (local: LocalHost): Promise<string> => {
  const { state, reason } = await domainState(local.host, 'web1');
  return `${state} (${reason})`;
};

async function defined(parts = ''): Promise<void> {
  await define(a.host, xml(parts), easy);
  await start(a.host, 'web1', BOOT);
  here.take();
}

describe('a migration', () => {
  it('takes the steps of an end here and of a start there', async () => {
    await createDomain(a.host, xml(), { paused: false, ...easy });
    here.take();
    expect(await move()).toMatchObject({ place: 'destination', runningThere: true, persistentThere: false });
    expect(here.take()).toEqual(['stopped web1', 'release web1', 'stopped/migrated web1']);
    expect(there.take()).toEqual([
      'prepare web1',
      'start web1',
      'started web1',
      'started/migrated web1',
      'resumed/migrated web1',
    ]);
    expect(await list(a)).toEqual([]);
    expect(await list(b)).toMatchObject([{ name: 'web1', persistent: false, state: 'running' }]);
    expect(await state(b)).toBe('running (migrated)');
  });

  it('leaves it paused there where that is asked for', async () => {
    await createDomain(a.host, xml(), { paused: false, ...easy });
    await move({ suspend: true });
    expect(there.take().slice(-2)).toEqual(['started/migrated web1', 'suspended/paused web1']);
    expect(await state(b)).toBe('paused (user)');
  });

  it.each(['prepare', 'start', 'started'] as const)('to which %s there objects leaves it here, running', async (at) => {
    await defined();
    there.objects = at;
    await expect(move({ persistent: true, undefineSource: true })).rejects.toThrow(`${at} objects`);
    expect(there.take().slice(-3)).toEqual(['stopped web1', 'release web1', 'stopped/failed web1']);
    expect(await list(a)).toMatchObject([{ state: 'running', persistent: true }]);
    expect(await list(b)).toEqual([]);
    expect(readdirSync(b.path('xenferry', 'domains'))).toEqual([]);
    expect(here.take()).toEqual([]);
    there.objects = undefined;
    await move();
  });

  it('that fails on its way is noted as the reason', async () => {
    await defined();
    writeFileSync(b.path('faults.json'), JSON.stringify([{ fault: 'restore-fails', count: 1 }]));
    await expect(move()).rejects.toMatchObject({ guest: 'source-running' });
    expect(await state(a)).toBe('running (migration canceled)');
  });

  it('is refused by a definition there of that name, not by its own', async () => {
    await defined();
    await define(b.host, guestXml({ name: 'web1', mib: 8 }), easy);
    await expect(move()).rejects.toMatchObject({ code: 'E_REFUSED_NAME_TAKEN' });
    await move({ dname: 'web2' });
    expect(await list(b)).toMatchObject([{ name: 'web2', persistent: false }, { name: 'web1' }]);
  });

  it('keeps what is defined there under that name and UUID', async () => {
    await defined();
    await define(b.host, xml('<title>There</title>'), easy);
    await move();
    expect(await list(b)).toMatchObject([{ state: 'running', persistent: true, title: 'There' }]);
  });

  it('S28: to a peer without its features fails before anything is begun', async () => {
    await defined();
    for (const masked of ['migration-v3', 'migration-params']) {
      const hello = await b.host.hello();
      await using migrationServer = new MigrationServer(
        b.host,
        { ...hello, features: hello.features.filter((feature) => feature !== masked) },
        () => undefined,
        new AccessRules(['*']),
      );
      const connect = connectThrough(dialTo(migrationServer), await a.host.hello());
      await expect(move({ connect })).rejects.toMatchObject({
        code: 'E_PROTOCOL_FEATURE',
        message: expect.stringContaining(masked) as string,
      });
    }
    expect(a.host.journal.list()).toEqual([]);
    expect(there.take()).toEqual([]);
    expect(await state(a)).toBe('running (booted)');
  });
});

describe('a destination', () => {
  it('is dialled before the domain is described, and not for a domain that cannot move', async () => {
    const ahead = vi.fn();
    await expect(move({ ahead })).rejects.toMatchObject({ code: 'E_REFUSED_NO_DOMAIN' });
    expect(ahead).not.toHaveBeenCalled();
    await defined();
    const described = vi.spyOn(a.host.toolstack, 'describe');
    await move({ ahead });
    expect(ahead).toHaveBeenCalledOnce();
    expect(ahead.mock.invocationCallOrder[0]).toBeLessThan(described.mock.invocationCallOrder[0]);
  });
});

function dialTo(migrationServer: MigrationServer): Parameters<typeof connectThrough>[0] {
  const dial = (): Promise<ReturnType<typeof linkPair>['a']> => {
    const pair = linkPair();
    void migrationServer.accept(pair.b);
    return Promise.resolve(pair.a);
  };
  return {
    transport: 'tls',
    target: 'b',
    dial,
    dialAgain: dial,
    dialLane: () => Promise.reject(new Error('no lanes here')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

describe('--persistent and --undefinesource', () => {
  it('move the definition along with the guest', async () => {
    await defined('<title>Shop</title>');
    await move({ persistent: true, undefineSource: true });
    expect(await list(a)).toEqual([]);
    expect(await list(b)).toMatchObject([{ name: 'web1', persistent: true, state: 'running', title: 'Shop' }]);
    expect(here.take()).toContain('undefined/removed web1');
    expect(there.take()).toContain('defined/added web1');
  });

  it('keep the name it has there, and whether it starts with the host there', async () => {
    await defined();
    await define(b.host, xml(), easy);
    await setAutostart(b.host, 'web1', true, never);
    await move({ persistent: true });
    expect(await list(b)).toMatchObject([{ persistent: true, autostart: true }]);
    expect(await list(a)).toMatchObject([{ persistent: true, state: 'shut off' }]);
    expect(await state(a)).toBe('shut off (migrated)');
  });

  it('make what runs persistent where it is transient here', async () => {
    await createDomain(a.host, xml(), { paused: false, ...easy });
    await move({ persistent: true, dname: 'web2', undefineSource: true });
    expect(await list(b)).toMatchObject([{ name: 'web2', persistent: true }]);
    expect(await dumpXml(b.host, 'web2', { inactive: true })).toContain('<name>web2</name>');
  });

  it('take the definition of --persistent-xml, of the same guest only', async () => {
    await defined();
    const other = guestXml({ name: 'web1', mib: 8 });
    await expect(move({ persistent: true, persistentXml: other })).rejects.toMatchObject({
      code: 'E_USAGE_OTHER_DOMAIN',
    });
    await move({ persistent: true, persistentXml: xml('<title>New</title>') });
    expect(await list(b)).toMatchObject([{ title: 'New' }]);
  });

  it('alone, --undefinesource leaves it transient there and gone here', async () => {
    await defined();
    await move({ undefineSource: true });
    expect(await list(a)).toEqual([]);
    expect(await list(b)).toMatchObject([{ persistent: false }]);
  });

  it('keep the definition here where the migration fails, or the destination cannot keep it', async () => {
    await defined();
    writeFileSync(b.path('faults.json'), JSON.stringify([{ fault: 'restore-fails', count: 1 }]));
    await expect(move({ persistent: true, undefineSource: true })).rejects.toMatchObject({ guest: 'source-running' });
    expect(await list(a)).toMatchObject([{ persistent: true, state: 'running' }]);
    expect(await list(b)).toEqual([]);
    b.host.definitions.keepStaged = () => {
      throw new Error('the disk is full');
    };
    const { warnings } = await move({ persistent: true, undefineSource: true });
    expect(warnings).toEqual([expect.stringContaining('the definition stays here as well')]);
    expect(await list(a)).toMatchObject([{ persistent: true, state: 'shut off' }]);
    expect(b.log.join()).toContain('the disk is full');
  });

  it('outlive the destination’s death between its commit and the rest', async () => {
    const { domain } = await define(b.host, xml(), easy);
    b.host.definitions.remove(UUID);
    b.host.definitions.stage(domain);
    const { info } = await createDomain(b.host, xml(), { paused: true, ...easy });
    const migration = randomUUID();
    {
      using file = b.host.journal.begin({
        journal: 1,
        side: 'dest',
        migration,
        epoch: 1,
        uuid: UUID,
        name: 'web1',
        peer: 'a',
        startedAt: new Date().toISOString(),
      });
      file.append({ state: 'committed', at: new Date().toISOString(), run: true, domid: info.domid });
    }
    const [entry] = openArrivals(b.host.journal.list());
    const context = { ...arrivalsOf(b.host), log: () => undefined };
    expect(await recoverArrival(context, entry)).toMatchObject({ outcome: 'committed', persistent: true });
    expect(await list(b)).toMatchObject([{ state: 'running', persistent: true }]);
    expect(readdirSync(b.path('xenferry', 'domains'))).toEqual([`${UUID}.json`]);
  });

  it('are refused by a destination that keeps no definitions', async () => {
    await defined();
    const connect: Connect = async (events, signal) => {
      const one = await toB()(events, signal);
      const features = one.hello.features.filter((feature) => feature !== 'persist-dest');
      return {
        hello: { ...one.hello, features },
        identity: one.identity,
        transport: one.transport,
        requester: one.requester,
        openLanes: (options) => one.openLanes(options),
        [Symbol.asyncDispose]: () => one[Symbol.asyncDispose](),
      };
    };
    await expect(move({ connect, persistent: true })).rejects.toMatchObject({ code: 'E_REFUSED_FEATURE' });
    expect(await state(a)).toBe('running (booted)');
  });
});

describe('a guest that has left', () => {
  it('is not started with its old host: it may run where it went', async () => {
    await defined();
    await setAutostart(a.host, 'web1', true, never);
    await move({ persistent: true });
    expect(await startAutostarted(a.host, never)).toEqual([]);
    expect(a.log.join()).toContain('migrated away');
    expect(await list(a)).toMatchObject([{ state: 'shut off' }]);
    await start(a.host, 'web1', BOOT); // a person may
    expect(await state(a)).toBe('running (booted)');
  });

  it('F12: stays in doubt while nobody at the destination can be asked, and says why', async () => {
    const { info } = await createDomain(a.host, xml(), { paused: false, ...easy });
    const at = new Date().toISOString();
    using file = a.host.journal.begin({
      journal: 1,
      side: 'source',
      migration: randomUUID(),
      epoch: 1,
      uuid: info.uuid,
      name: 'web1',
      domid: info.domid,
      peer: 'b',
      startedAt: at,
    });
    file.append({ state: 'in-doubt', at });
    const nobody: Connect = () => Promise.reject(new Error('no route to host b'));
    const [still] = await recover(a.host, {
      connectTo: () => Promise.resolve(nobody),
      signal: AbortSignal.timeout(50),
    });
    expect(still).toMatchObject({ settled: false, domain: 'web1' });
    expect(still.result).toMatch(/whether it runs at the destination is not known; .*no route to host b/);
  });

  it('is noted as gone, and its definition forgotten, only once its copy here is destroyed', async () => {
    await defined();
    writeFileSync(a.path('faults.json'), JSON.stringify([{ fault: 'destroy-fails', count: 50 }]));
    const { warnings } = await move({ undefineSource: true });
    expect(warnings.join()).toContain('could not be destroyed');
    expect(here.take()).toEqual([]);
    expect(await list(a)).toMatchObject([{ state: 'suspended', persistent: true }]);
    writeFileSync(a.path('faults.json'), '[]');
    await recover(a.host, { connectTo: () => Promise.resolve(toB()), signal: never });
    expect(here.take()).toEqual(['undefined/removed web1', 'stopped web1', 'release web1', 'stopped/migrated web1']);
    expect(await list(a)).toEqual([]);
  });
});

describe('--xml', () => {
  it('changes where a disk is kept', async () => {
    await defined(`<devices>${DISK}</devices>`);
    const now = await dumpXml(a.host, 'web1', { migratable: true, securityInfo: true });
    await move({ xml: now.replace('/srv/web1.img', '/srv/web1-here.img') });
    expect(await dumpXml(b.host, 'web1')).toContain('/srv/web1-here.img');
  });

  it('says once what is passed over of it, and of the definition that is to be kept', async () => {
    await defined(`<devices>${DISK}</devices>`);
    const now = await dumpXml(a.host, 'web1', { migratable: true, securityInfo: true });
    const odd = now.replace('<devices>', '<perf/><devices>');
    const { warnings } = await move({ xml: odd, persistent: true, persistentXml: odd });
    expect(warnings).toEqual([
      expect.stringMatching(/^--xml: \/domain: <perf>/),
      expect.stringMatching(/^--persistent-xml: \/domain: <perf>/),
    ]);
    expect(await list(b)).toMatchObject([{ persistent: true, state: 'running' }]);
  });

  it('refuses what the guest would see, and another guest', async () => {
    await defined(`<devices>${DISK}</devices>`);
    const now = await dumpXml(a.host, 'web1', { migratable: true, securityInfo: true });
    await expect(move({ xml: now.replace('xvda', 'xvdb').replace('8192', '16384') })).rejects.toMatchObject({
      code: 'E_REFUSED_ABI',
      data: {
        differences: [
          '/domain/memory: differs from the running domain',
          "/domain/devices/disk[target='xvda']: is missing",
          "/domain/devices/disk[target='xvdb']: is new",
        ],
      },
    });
    await expect(move({ xml: guestXml({ name: 'web1', mib: 8 }) })).rejects.toMatchObject({
      code: 'E_USAGE_OTHER_DOMAIN',
    });
    expect(await state(a)).toBe('running (booted)');
  });
});

describe('--unsafe', () => {
  it('F40: overrides that the destination has not got the disks', async () => {
    await using real = await LocalHost.make({ around: asLibxl });
    const connect = connectToSelf(real.host, { transport: 'tls', name: 'a', address: 'a' }, () => undefined);
    await defined(`<devices>${DISK}</devices>`);
    await expect(move({ connect })).rejects.toMatchObject({
      code: 'E_REFUSED_DISK_MISSING',
      message: expect.stringContaining('xvda (/srv/web1.img)') as string,
    });
    expect(await list(real)).toEqual([]);
    await move({ connect, unsafe: true });
    expect(await list(real)).toMatchObject([{ state: 'running' }]);
  });
});

/** An embedded host that says it is a real one. */
function asLibxl(toolstack: Toolstack): Toolstack {
  const own = toolstack.host.bind(toolstack);
  toolstack.host = async (signal) => ({ ...(await own(signal)), toolstack: 'libxl' });
  return toolstack;
}

describe('--timeout', () => {
  const BUSY = "dirtyMiBPerSecond='64' hotPercent='100'";

  it('gives a migration up that copies for too long', async () => {
    await createDomain(a.host, xml('', BUSY), { paused: false, ...easy });
    await expect(
      move({ bandwidthMiBps: 1, timeout: { seconds: 0.3, then: 'cancel' }, compression: 'none' }),
    ).rejects.toMatchObject({ code: 'E_DEADLINE_COPY', guest: 'source-running' });
    expect(await list(b)).toEqual([]);
  });

  it('holds the guest so that the copying ends, and lets it run there', async () => {
    await createDomain(a.host, xml('', BUSY), { paused: false, ...easy });
    const calls: string[] = [];
    const { toolstack } = a.host;
    const pause = toolstack.pause.bind(toolstack);
    toolstack.pause = async (...args) => {
      calls.push('pause');
      await pause(...args);
    };
    const done = await move({ bandwidthMiBps: 8, timeout: { seconds: 0.2, then: 'suspend' }, compression: 'none' });
    expect(done).toMatchObject({ place: 'destination', runningThere: true });
    expect(calls.length).toBeGreaterThan(0);
    expect(said).toContainEqual({ type: 'notice', text: expect.stringContaining('the guest is held') as string });
    expect(await list(b)).toMatchObject([{ state: 'running' }]);
  });

  it('lets the guest go again where the migration fails while it is held', async () => {
    await createDomain(a.host, xml('', BUSY), { paused: false, ...easy });
    const stop = new AbortController();
    const onProgress = (event: ProgressEvent): void => {
      if (event.type === 'notice') stop.abort(new Error('stopped'));
    };
    await expect(
      move({ bandwidthMiBps: 1, timeout: { seconds: 0.1, then: 'suspend' }, cancel: stop.signal, onProgress }),
    ).rejects.toMatchObject({ guest: expect.stringMatching(/^source-/) as string });
    await expect.poll(() => a.host.find('web1')).toMatchObject({ state: 'running' });
  });
});
