import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDefinition } from '../../../src/domain/definition/read.js';
import { EventLog } from '../../../src/host/events/event-log.js';
import { ShortSocketPath } from '../../../src/host/jobs/short-socket-path.js';
import { Leases } from '../../../src/host/leases/leases.js';
import { abortDomainJob, domainJob } from '../../../src/operations/domain-job.js';
import { FileLock } from '../../../src/posix/file-lock.js';
import { guestXml } from '../../support/hosts.js';
import { LocalHost, never } from '../../support/local-host.js';
import { withShortTimeout } from '../../support/short-timeouts.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { TempFolder } from '../toolstack/rig.js';

let temp: TempFolder;
beforeEach(() => {
  temp = new TempFolder();
});
afterEach(() => temp[Symbol.dispose]());

describe('a wait for another process of this host ends', () => {
  let local: LocalHost;
  let uuid: string;
  beforeEach(async () => {
    local = await LocalHost.make();
    uuid = randomUUID();
  });
  afterEach(() => local[Symbol.asyncDispose]());

  it('for a job that another operation holds, and names the limit', async () => {
    using _job = await local.host.jobs.take(uuid, 'web1', 'saving', never);
    await expect(local.host.jobs.take(uuid, 'web1', 'destroying it', never, { waitMs: 20 })).rejects.toMatchObject({
      code: 'E_REFUSED_BUSY',
      cause: { code: 'E_DEADLINE_JOB' },
    });
  });

  it('for a job whose process does not answer', async () => {
    using _job = await local.host.jobs.take(uuid, 'web1', 'saving', never, { operation: 'save' });
    await using _silent = await silentServer(join(local.stateDir, 'jobs', `${uuid}.sock`));
    await withShortTimeout(10_000, () =>
      expect(domainJob(local.host, 'web1', false, never)).rejects.toMatchObject({ code: 'E_DEADLINE_JOB_ANSWER' }),
    );
  });

  it('for a job that was told to stop and does not', async () => {
    using job = await local.host.jobs.take(uuid, 'web1', 'saving', never, { operation: 'save' });
    await withShortTimeout(120_000, () =>
      expect(abortDomainJob(local.host, 'web1', never)).rejects.toMatchObject({ code: 'E_DEADLINE_JOB_END' }),
    );
    expect(job.info().domain).toBe('web1');
  });
});

/** Takes the place of what listens there; accepts connections and sends nothing. */
async function silentServer(path: string): Promise<AsyncDisposable> {
  rmSync(path, { force: true });
  using short = new ShortSocketPath(path);
  const server: Server = createServer((socket) => socket.on('error', () => socket.destroy())).listen(short.path);
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      await Promise.resolve();
    },
  };
}

it('events whose lock never becomes free are dropped, and the log names the limit', async () => {
  const told: string[] = [];
  const dir = temp.file('events');
  const log = new EventLog(dir, (line) => told.push(line));
  using _lock = FileLock.tryTake(join(dir, 'lock'), 'a test');
  await withShortTimeout(10_000, async () => {
    log.tell({
      domain: 'web',
      uuid: '00000000-0000-0000-0000-000000000001',
      id: 3,
      what: { type: 'lifecycle', change: { event: 'started', detail: 'booted' } },
    });
    await log.flushed();
  });
  expect(told).toEqual([expect.stringMatching(/^events were not written to .*: E_DEADLINE_EVENTS: /)]);
});

it('a folder of leases that does not answer fails what needs a lease', async () => {
  mkdirSync(temp.file('state'));
  const silent = (): Promise<never> => new Promise(() => undefined);
  const leases = new Leases({
    dir: temp.path,
    open: () => ({ id: waits, read: waits, change: waits }),
    stateDir: temp.file('state'),
    hostname: () => Promise.resolve('hv1'),
    bootId: undefined,
    isHere: () => Promise.resolve(false),
    callMs: 20,
    log: () => undefined,
  });
  /** As a folder does: it waits with the signal that it is given. */
  function waits(...words: readonly unknown[]): Promise<never> {
    const signal = words.find((word) => word instanceof AbortSignal);
    if (signal === undefined) return silent();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
  await expect(leases.checkReady(never)).rejects.toMatchObject({ code: 'E_DEADLINE_LEASES' });
  const domain = parseDomainXml(
    guestXml({ name: 'web1', mib: 8, uuid: randomUUID() }).replace(
      '</os>',
      "</os><devices><disk type='file'><source file='/srv/a.img'/><target dev='xvda' bus='xen'/></disk></devices>",
    ),
  );
  const disk = readDefinition(domain, { lenient: true }).definition.devices.find(({ kind }) => kind === 'disk');
  if (disk?.kind !== 'disk') throw new Error('a disk');
  await expect(leases.prepare({ domain, how: 'booted' }, never)).rejects.toMatchObject({ code: 'E_DEADLINE_LEASES' });
  await expect(leases.hotPlug.take(domain, disk, true, never)).rejects.toMatchObject({ code: 'E_DEADLINE_LEASES' });
});
