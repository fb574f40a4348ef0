import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Prepare, Reply } from '../../../src/control/messages.js';
import { bakeCookie } from '../../../src/cookie/cookie.js';
import { FailedAttempts } from '../../../src/dest/failed-attempts.js';
import { Arrivals, type ArrivalsContext } from '../../../src/dest/arrivals.js';
import type { SourceConnection } from '../../../src/dest/source-connection.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { AbortedError } from '../../../src/errors/errors.js';
import { codeOf } from '../../../src/errors/message-of.js';
import { JOURNAL_VERSION } from '../../../src/journal/records.js';
import { arrivalsOf } from '../../../src/operations/running/incoming.js';
import { guestXml } from '../../support/hosts.js';
import { LocalHost } from '../../support/local-host.js';

const connection = (more: Partial<SourceConnection> = {}): SourceConnection => ({
  peer: 'hv1',
  hostname: 'hv1',
  reconnectMs: 600_000,
  notify: () => undefined,
  ...more,
});

let local: LocalHost;
let arrivals: Arrivals<string>;
const log: string[] = [];
const attached: string[] = [];

function make(more: Partial<ArrivalsContext<string>> = {}): Arrivals<string> {
  return new Arrivals<string>({
    ...arrivalsOf(local.host),
    makeLanes: () => {
      const lanes = new PassThrough().on('error', () => undefined);
      return {
        opened: new Promise(() => undefined),
        chunks: lanes,
        attach: (lane, index) => void attached.push(`${lane} ${index}`),
        destroy: (error) => void lanes.destroy(error),
      };
    },
    onEvent: () => undefined,
    log: (line) => log.push(line),
    ...more,
  });
}

beforeEach(async () => {
  log.length = 0;
  attached.length = 0;
  local = await LocalHost.make();
  arrivals = make();
});
afterEach(async () => {
  await arrivals.close(new AbortedError('over'));
  await arrivals.settled();
  await local[Symbol.asyncDispose]();
});

async function prepare(name: string, lanes = 1): Promise<Prepare> {
  const domain = parseDomainXml(guestXml({ name, mib: 1, uuid: randomUUID() }));
  const { streamVersions } = await local.host.hello();
  const cookie = bakeCookie({ name, uuid: domain.uuid, hostname: 'hv1', streamVersion: Math.max(...streamVersions) });
  return {
    type: 'prepare',
    migration: randomUUID(),
    epoch: 1,
    xml: formatDomainXml(domain),
    cookie: Buffer.from(cookie).toString('base64'),
    lanes,
    windowBytes: 1024 * 1024,
  };
}

const answered = (reply: Reply): string =>
  reply.type === 'refused' ? reply.problems.map(({ code }) => code).join() : reply.type;
const codeOfEnd = (work: Promise<unknown>): Promise<string> => work.then(() => 'none', codeOf);

describe('how many migrations may arrive', () => {
  it('100 prepares: four of one peer and eight in all are taken, the others refused before anything is made', async () => {
    const count = async (peer: string): Promise<Record<string, number>> => {
      const requests = await Promise.all(Array.from({ length: 50 }, (_, n) => prepare(`${peer}-${n}`)));
      const replies = await Promise.all(requests.map((request) => arrivals.answer(request, connection({ peer }))));
      const found: Record<string, number> = {};
      for (const said of replies.map(answered)) found[said] = (found[said] ?? 0) + 1;
      return found;
    };
    expect(await count('greedy')).toEqual({ prepared: 4, E_REFUSED_BUSY: 46 });
    expect(await count('honest')).toEqual({ prepared: 4, E_REFUSED_BUSY: 46 });
    expect(await count('third')).toEqual({ E_REFUSED_BUSY: 50 });
    expect(arrivals.count).toBe(8);
    expect(local.host.journal.list()).toHaveLength(8);
  });

  it('a peer that prepares and cancels in a loop is refused before it fills journals and logs; others continue', async () => {
    arrivals = make({ failedAttempts: new FailedAttempts(() => 0, 3) });
    const tryAndCancel = async (n: number): Promise<string> => {
      const request = await prepare(`loop-${n}`);
      const reply = await arrivals.answer(request, connection({ peer: 'greedy' }));
      const { migration, epoch } = request;
      const error = { code: 'E_ABORTED', message: 'over' };
      if (reply.type === 'prepared')
        await arrivals.answer({ type: 'cancel', migration, epoch, error }, connection({ peer: 'greedy' }));
      await arrivals.settled();
      return answered(reply);
    };
    const replies: string[] = [];
    for (let n = 0; n < 5; n += 1) replies.push(await tryAndCancel(n));
    expect(replies).toEqual(['prepared', 'prepared', 'prepared', 'E_REFUSED_BUSY', 'E_REFUSED_BUSY']);
    expect(local.host.journal.list()).toHaveLength(3);
    expect(answered(await arrivals.answer(await prepare('honest'), connection({ peer: 'honest' })))).toBe('prepared');
  });

  it('the limits are what the configuration says, and a place is free again when one is over', async () => {
    arrivals = make({ limits: { all: 2, ofPeer: 1 } });
    const first = await prepare('first');
    expect(answered(await arrivals.answer(first, connection()))).toBe('prepared');
    const refused = await arrivals.answer(await prepare('second'), connection());
    expect(refused).toMatchObject({ problems: [{ code: 'E_REFUSED_BUSY' }] });
    expect(JSON.stringify(refused)).toContain('max_arrivals_of_peer');
    const { migration, epoch } = first;
    await arrivals.answer(
      { type: 'cancel', migration, epoch, error: { code: 'E_ABORTED', message: 'no' } },
      connection(),
    );
    await expect
      .poll(async () => answered(await arrivals.answer(await prepare('third'), connection())))
      .toBe('prepared');
  });

  it('the process that restores and its window are promised like the guest’s memory', async () => {
    // Room for two processes of 128 MiB, kept batches included, with a window of one each, and not for three.
    arrivals = make({ spareKiB: () => 300 * 1024 });
    const said: string[] = [];
    for (let n = 0; n < 3; n += 1) said.push(answered(await arrivals.answer(await prepare(`g${n}`), connection())));
    expect(said).toEqual(['prepared', 'prepared', 'E_REFUSED_NO_MEMORY']);
  });
});

describe('who may go on with a migration', () => {
  const begunBy = connection({ key: 'SHA256:old' });
  const other = connection({ key: 'SHA256:new' });

  it('no more lanes than were prepared, and only of the key that prepared them', async () => {
    const reply = await arrivals.answer(await prepare('g', 2), begunBy);
    if (reply.type !== 'prepared') throw new Error(answered(reply));
    const attach = (index: number, by: SourceConnection) => () => arrivals.attach(reply.token, index, 'lane', by);
    attach(1, begunBy)();
    expect(attach(2, begunBy)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_LANE' }));
    expect(attach(0, other)).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_TOKEN' }));
    expect(attach(0, connection())).toThrow(expect.objectContaining({ code: 'E_PROTOCOL_TOKEN' }));
    expect(attach(0, connection({ peer: 'hv2', key: 'SHA256:old' }))).toThrow();
    expect(attached).toEqual(['lane 1']);
  });

  it('another certificate of the same name continues nothing that is under way, and may ask if its name is allowed', async () => {
    const request = await prepare('g');
    expect(answered(await arrivals.answer(request, begunBy))).toBe('prepared');
    const { migration, epoch } = request;
    const status = { type: 'status', migration, epoch, uuid: randomUUID(), name: 'g' } as const;
    const cancel = { type: 'cancel', migration, epoch, error: { code: 'E_ABORTED', message: 'no' } } as const;
    const known = connection({ key: 'SHA256:new', isKnownByName: true });
    expect(await codeOfEnd(arrivals.answer(cancel, other))).toBe('E_PROTOCOL_NOT_YOURS');
    expect(await codeOfEnd(arrivals.answer(cancel, known))).toBe('E_PROTOCOL_NOT_YOURS');
    expect(await codeOfEnd(arrivals.answer(status, other))).toBe('E_PROTOCOL_NOT_YOURS');
    expect(log.filter((line) => line.includes('by its name alone'))).toEqual([]);
    expect(await arrivals.answer(status, known)).toMatchObject({ type: 'outcome', outcome: 'pending' });
    expect(log.at(-1)).toMatch(/by its name alone.*SHA256:old.*SHA256:new/);
  });

  it('what is over is told to a renewed key of a name that is allowed, and to nobody else; old journals know names only', async () => {
    const journal = (key?: string): string => {
      const migration = randomUUID();
      const startedAt = new Date().toISOString();
      using file = local.host.journal.begin({
        journal: JOURNAL_VERSION,
        side: 'dest',
        migration,
        epoch: 1,
        uuid: randomUUID(),
        name: 'g',
        peer: 'hv1',
        identity: 'hv1',
        ...(key === undefined ? {} : { key }),
        startedAt,
      });
      file.append({ state: 'refused', at: startedAt });
      return migration;
    };
    const ask = (migration: string, by: SourceConnection): Promise<string> =>
      arrivals
        .answer({ type: 'status', migration, epoch: 1, uuid: randomUUID(), name: 'g' }, by)
        .then((reply) => (reply.type === 'outcome' ? reply.outcome : reply.type), codeOf);
    const keyed = journal('SHA256:old');
    expect(await ask(keyed, begunBy)).toBe('aborted');
    expect(await ask(keyed, other)).toBe('E_PROTOCOL_NOT_YOURS');
    expect(log).toEqual([]);
    expect(await ask(keyed, connection({ key: 'SHA256:new', isKnownByName: true }))).toBe('aborted');
    expect(log.join()).toMatch(/SHA256:old.*SHA256:new/);
    expect(await ask(journal(), other)).toBe('aborted');
    expect(await ask(journal(), connection({ peer: 'hv2', key: 'SHA256:new' }))).toBe('E_PROTOCOL_NOT_YOURS');
  });
});
