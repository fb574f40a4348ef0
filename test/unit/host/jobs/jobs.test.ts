import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Jobs } from '../../../../src/host/jobs/jobs.js';
import { ShortSocketPath } from '../../../../src/host/jobs/short-socket-path.js';
import type { EndedJob } from '../../../../src/host/jobs/job.js';
import { RefusedError } from '../../../../src/errors/errors.js';
import { never, TempFolder } from '../../toolstack/rig.js';

let temp: TempFolder;
let ended: EndedJob[];
let uuid: string;
beforeEach(() => {
  temp = new TempFolder();
  ended = [];
  uuid = randomUUID();
});
afterEach(() => temp[Symbol.dispose]());

const jobs = (waitMs = 60_000, pid = 1000, dir = 'jobs'): Jobs =>
  new Jobs(temp.file(dir), pid, waitMs, (job) => ended.push(job));
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the one job of a domain', () => {
  it('S09: a waiter that gives up names the holder, its process and since when, and leaves no lock', async () => {
    const holding = jobs(60_000, 4711);
    const job = await holding.take(uuid, 'web', 'migrating to host2', never);
    await expect(jobs(30).take(uuid, 'web', 'destroying it', never)).rejects.toMatchObject({
      code: 'E_REFUSED_BUSY',
      message: expect.stringMatching(/domain web is busy: migrating to host2 \(process 4711, since 20.*Z\)/) as string,
    });
    job[Symbol.dispose]();
    using _next = await jobs(30).take(uuid, 'web', 'destroying it', never);
  });

  it('S09: many waiters get it one after the other, and none twice', async () => {
    const all = jobs();
    let holders = 0;
    const work = async (): Promise<void> => {
      using _job = await all.take(uuid, 'web', 'work', never);
      holders += 1;
      expect(holders).toBe(1);
      await soon();
      holders -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, work));
  });

  it('S09: the name is held as well: nobody makes another domain of it meanwhile', async () => {
    using _job = await jobs().take(uuid, 'web', 'arriving from host1', never);
    await expect(jobs(30).take(randomUUID(), 'web', 'creating it', never)).rejects.toThrow(/arriving from host1/);
  });

  it('S09: a waiter that is stopped says so and leaves no lock', async () => {
    const job = await jobs().take(uuid, 'web', 'work', never);
    const stop = new AbortController();
    const waiting = jobs().take(uuid, 'web', 'more work', stop.signal);
    stop.abort(new RefusedError('E_REFUSED_STATE', 'enough'));
    await expect(waiting).rejects.toMatchObject({ code: 'E_REFUSED_STATE' });
    job[Symbol.dispose]();
    using _next = await jobs(30).take(uuid, 'web', 'work', never);
  });

  it('is seen by whoever looks, without waiting', async () => {
    const all = jobs(60_000, 4711);
    expect(all.holder(uuid)).toBeUndefined();
    expect(await all.info(uuid, never)).toEqual({ type: 'none' });
    const job = await all.take(uuid, 'web', 'pausing it', never);
    expect(all.holder(uuid)).toMatchObject({ what: 'pausing it', pid: 4711, name: 'web', operation: 'modify' });
    expect(await all.info(uuid, never)).toMatchObject({ type: 'unbounded', operation: 'modify', abortable: false });
    expect(all.running()).toMatchObject([{ uuid }]);
    job[Symbol.dispose]();
    expect(all.holder(uuid)).toBeUndefined();
    expect(all.running()).toEqual([]);
    expect(ended).toEqual([]);
  });
});

describe('a job that can be asked', () => {
  it('tells how far it is, in a folder however deep, to its owner only', async () => {
    const deep = join('a'.repeat(100), 'b'.repeat(100), 'jobs');
    const all = jobs(60_000, 4711, deep);
    using job = await all.take(uuid, 'web', 'saving to /x', never, { operation: 'save' });
    job.note({ type: 'round', round: 0, pagesSent: 10, pagesTotal: 100 });
    expect(await all.info(uuid, never)).toMatchObject({
      type: 'bounded',
      operation: 'save',
      what: 'saving to /x',
      dataTotalBytes: 409_600,
      dataProcessedBytes: 40_960,
      iteration: 1,
      abortable: true,
    });
    expect(statSync(join(temp.file(deep), `${uuid}.sock`)).mode & 0o777).toBe(0o600);
  });

  it('ends when it is asked to, and says to the asker how', async () => {
    const all = jobs();
    const work = async (): Promise<void> => {
      using job = await all.take(uuid, 'web', 'saving to /x', never, { operation: 'save' });
      await job.during(async () => {
        await once(job.cancel, 'abort');
        job.cancel.throwIfAborted();
      });
    };
    const working = expect(work()).rejects.toMatchObject({ code: 'E_ABORTED' });
    await expect.poll(() => existsSync(join(temp.file('jobs'), `${uuid}.sock`)), { timeout: 20_000 }).toBe(true);
    expect(await all.abort(uuid, 'web', never)).toMatchObject({
      result: 'cancelled',
      error: expect.stringContaining('domjobabort (process 1000)') as string,
    });
    await working;
    expect(ended).toMatchObject([{ uuid, type: 'cancelled', operation: 'save' }]);
    expect(all.completed('web')).toMatchObject({ type: 'cancelled', domain: 'web' });
    expect(all.completed(uuid)).toMatchObject({ type: 'cancelled' });
    expect(existsSync(join(temp.file('jobs'), `${uuid}.sock`))).toBe(false);
  });

  it('L18: refuses an end with the reason once the destination decides', async () => {
    const all = jobs();
    using job = await all.take(uuid, 'web', 'migrating', never, { operation: 'outgoing-migration' });
    job.note({ type: 'phase', phase: 'finish' });
    await expect(all.abort(uuid, 'web', never)).rejects.toMatchObject({
      code: 'E_REFUSED_TOO_LATE',
      message: expect.stringContaining('the destination has been asked') as string,
    });
    expect(job.cancel.aborted).toBe(false);
    expect(await all.info(uuid, never)).toMatchObject({ phase: 'finish', abortable: false });
  });

  it('is not there to be stopped: none, or a short one', async () => {
    const all = jobs();
    await expect(all.abort(uuid, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NO_JOB' });
    using _job = await all.take(uuid, 'web', 'pausing it', never);
    await expect(all.abort(uuid, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NOT_ABORTABLE' });
  });

  it('F3: a dead process leaves a socket, and no job; the next one takes its place', async () => {
    const all = jobs();
    // A socket that nobody listens on any more: bound, and closed past the code that unlinks it.
    const path = join(temp.file('jobs'), `${uuid}.sock`);
    using short = new ShortSocketPath(path);
    const server = createServer().listen(short.path);
    await once(server, 'listening');
    const fake = temp.file('kept');
    linkSync(path, fake);
    server.close();
    linkSync(fake, path);
    writeFileSync(join(temp.file('jobs'), `${uuid}.lock`), '{"half a record');
    expect(await all.info(uuid, never)).toEqual({ type: 'none' });
    await expect(all.abort(uuid, 'web', never)).rejects.toMatchObject({ code: 'E_REFUSED_NO_JOB' });
    using _job = await all.take(uuid, 'web', 'saving', never, { operation: 'save' });
    expect(await all.info(uuid, never)).toMatchObject({ operation: 'save' });
  });

  it('bears askers that say nonsense, too much, or nothing', async () => {
    const all = jobs();
    using _job = await all.take(uuid, 'web', 'saving', never, { operation: 'save' });
    const path = join(temp.file('jobs'), `${uuid}.sock`);
    for (const words of ['nonsense\n', '{"ask":"die"}\n', 'x'.repeat(200_000)]) {
      using short = new ShortSocketPath(path);
      const socket = connect(short.path);
      socket.on('error', () => undefined);
      socket.write(words);
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
    }
    expect(await all.info(uuid, never)).toMatchObject({ operation: 'save' });
  });

  it('completed jobs are kept for a bounded number of domains', async () => {
    const all = jobs();
    for (let index = 0; index < 270; index += 1) {
      using job = await all.take(randomUUID(), `web${index}`, 'saving', never, { operation: 'save' });
      job.settle('completed');
    }
    expect(ended).toHaveLength(270);
    expect(all.completed('web269')).toMatchObject({ type: 'completed' });
    expect(readdirSync(join(temp.file('jobs'), 'completed'))).toHaveLength(256);
  });
});
