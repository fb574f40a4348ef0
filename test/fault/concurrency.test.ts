import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_DEADLINES, type Deadlines } from '../../src/control/deadlines.js';
import { parseDomainXml } from '../../src/domain/parse.js';
import { migrate } from '../../src/migration/migrate.js';
import { XenferryError } from '../../src/errors/errors.js';
import { openEmbedded } from '../../src/toolstack/embedded/open.js';
import { PLAINLY } from '../support/moving.js';
import { guestXml } from '../support/hosts.js';
import { Life } from '../support/matrix/life.js';
import { Moments } from '../support/matrix/moments.js';
import { Network } from '../support/matrix/network.js';
import { assertNeverTwice, whereIs } from '../support/oracle.js';

const never = new AbortController().signal;
let root: string;
let moments: Moments;
let network: Network;
let a: Life;
let b: Life;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'xenferry-many-'));
  moments = new Moments();
  moments.open = false;
  network = new Network(moments);
});
afterEach(async () => {
  await a.close();
  await b.close();
  rmSync(root, { recursive: true, force: true });
});

async function host(name: string, limit: number | undefined, deadlines: Partial<Deadlines> = {}): Promise<Life> {
  const dir = join(root, name);
  const life = await Life.begin(name, dir, { ...DEFAULT_DEADLINES, ...deadlines }, moments, network, never, limit);
  await life.serve();
  return life;
}

async function birth(life: Life, name: string): Promise<string> {
  const uuid = randomUUID();
  const toolstack = await openEmbedded(life.dir);
  const xml = guestXml({ name, uuid, mib: 4, workload: "dirtyMiBPerSecond='1'" });
  await toolstack.unpause(await toolstack.create({ domain: parseDomainXml(xml, { trust: 'user' }) }));
  return uuid;
}

async function move(from: Life, to: Life, uuid: string, notices: string[] = []): Promise<string> {
  try {
    await migrate(from.host, {
      domain: uuid,
      destination: to.name,
      connect: await from.connectTo(() => to),
      ...PLAINLY,
      onProgress: (event) => {
        if (event.type === 'notice') notices.push(event.text);
      },
    });
    return 'done';
  } catch (error) {
    return error instanceof XenferryError ? error.code : String(error);
  }
}

/** The most slots of a host that are taken at any look, while the work goes on. */
async function mostAtOnce(work: Promise<unknown>, ...lives: readonly Life[]): Promise<number[]> {
  const most = lives.map(() => 0);
  const over = new AbortController();
  void work.finally(() => {
    over.abort();
  });
  while (!over.signal.aborted) {
    for (const [index, life] of lives.entries()) {
      const moving = life.host.jobs.running().filter(({ operation }) => operation === 'incoming-migration').length;
      most[index] = Math.max(most[index], moving);
    }
    await sleep(10); // a look that costs little; the end is waited for by itself
  }
  return most;
}

describe('many migrations at once', () => {
  it('F49: 50 at once, half of them in each direction, four at a time each way: all arrive, and each was told its place', async () => {
    a = await host('a', 4);
    b = await host('b', 4);
    const there: string[] = [];
    const back: string[] = [];
    for (let index = 0; index < 25; index += 1) {
      there.push(await birth(a, `there-${index}`));
      back.push(await birth(b, `back-${index}`));
    }
    const notices: string[] = [];
    const all = Promise.all([
      ...there.map((uuid) => move(a, b, uuid, notices)),
      ...back.map((uuid) => move(b, a, uuid, notices)),
    ]);
    const most = await mostAtOnce(all, a, b);
    expect(new Set(await all)).toEqual(new Set(['done']));
    for (const arriving of most) {
      expect(arriving).toBeGreaterThan(0);
      expect(arriving).toBeLessThanOrEqual(4);
    }
    expect(notices.some((text) => /its place in the queue is \d+/.test(text))).toBe(true);
    for (const uuid of there) expect(whereIs(uuid, [a.dir, b.dir])).toEqual([{ host: b.dir, state: 'running' }]);
    for (const uuid of back) expect(whereIs(uuid, [a.dir, b.dir])).toEqual([{ host: a.dir, state: 'running' }]);
    assertNeverTwice([a.dir, b.dir]);
    expect(
      readdirSync(join(a.dir, 'xenferry', 'slots', 'outgoing')).filter((name) => name.endsWith('.ticket')),
    ).toEqual([]);
  }, 120_000);

  it('guests of one name that cross: both are refused in time, and run on where they are', async () => {
    a = await host('a', undefined, { jobMs: 1500, prepareMs: 5000 });
    b = await host('b', undefined, { jobMs: 1500, prepareMs: 5000 });
    const one = await birth(a, 'same');
    const other = await birth(b, 'same');
    const results = await Promise.all([move(a, b, one), move(b, a, other)]);
    for (const result of results) expect(result).toMatch(/^E_REFUSED_(BUSY|NAME_TAKEN)$/);
    expect(whereIs(one, [a.dir, b.dir])).toEqual([{ host: a.dir, state: 'running' }]);
    expect(whereIs(other, [a.dir, b.dir])).toEqual([{ host: b.dir, state: 'running' }]);
  });

  it('a destination whose slots stay taken refuses in time, says the limit and the place, and the guest runs on', async () => {
    a = await host('a', undefined);
    b = await host('b', 1, { prepareMs: 300 });
    const uuid = await birth(a, 'late');
    using _taken = await b.host.incoming.take('another', never);
    expect(await move(a, b, uuid)).toBe('E_REFUSED_LIMIT');
    expect(b.log.join('\n')).toContain('its place in the queue is 1');
    expect(whereIs(uuid, [a.dir, b.dir])).toEqual([{ host: a.dir, state: 'running' }]);
  });
});
