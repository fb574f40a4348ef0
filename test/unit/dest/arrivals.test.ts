import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_DEADLINES } from '../../../src/control/deadlines.js';
import { bakeCookie } from '../../../src/cookie/cookie.js';
import type { Prepare, Reply } from '../../../src/control/messages.js';
import { Arrivals } from '../../../src/dest/arrivals.js';
import type { SourceConnection } from '../../../src/dest/source-connection.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { arrivalsOf } from '../../../src/operations/running/incoming.js';
import { AbortedError } from '../../../src/errors/errors.js';
import { Recorder, LocalHost } from '../../support/local-host.js';
import { guestXml } from '../../support/hosts.js';

/** A participant whose `start` waits until it is let go on. */
class Slow extends Recorder {
  readonly #gate = new EventEmitter();
  #open = false;
  readonly reached = once(this.#gate, 'reached');

  override start = async (): Promise<void> => {
    this.#gate.emit('reached');
    if (!this.#open) await once(this.#gate, 'open');
  };

  goOn(): void {
    this.#open = true;
    this.#gate.emit('open');
  }
}

const connection = (): SourceConnection => ({
  peer: 'hv1',
  hostname: 'hv1',
  reconnectMs: 600_000,
  notify: () => undefined,
});

describe('prepares that overlap', () => {
  let local: LocalHost;
  let slow: Slow;
  let arrivals: Arrivals<never>;
  beforeEach(async () => {
    slow = new Slow();
    local = await LocalHost.make({ participants: [slow] });
    arrivals = new Arrivals<never>(context());
  });
  const context = (): ConstructorParameters<typeof Arrivals<never>>[0] => ({
    ...arrivalsOf(local.host),
    makeLanes: () => {
      const lanes = new PassThrough().on('error', () => undefined);
      return {
        opened: Promise.resolve(),
        chunks: lanes,
        attach: () => undefined,
        destroy: (error) => void lanes.destroy(error),
      };
    },
    onEvent: () => undefined,
    log: () => undefined,
  });
  afterEach(async () => {
    slow.goOn();
    await arrivals.close(new AbortedError('over'));
    await arrivals.settled();
    await local[Symbol.asyncDispose]();
  });

  const prepare = async (name: string, mib = 16, migration: string = randomUUID()): Promise<Prepare> => {
    const domain = parseDomainXml(guestXml({ name, mib, uuid: randomUUID() }));
    const { streamVersions } = await local.host.hello();
    const cookie = bakeCookie({
      name,
      uuid: domain.uuid,
      hostname: 'hv1',
      streamVersion: Math.max(...streamVersions),
    });
    return {
      type: 'prepare',
      migration,
      epoch: 1,
      xml: formatDomainXml(domain),
      cookie: Buffer.from(cookie).toString('base64'),
      lanes: 1,
      windowBytes: 1024 * 1024,
    };
  };
  const codes = (reply: Reply): string[] => (reply.type === 'refused' ? reply.problems.map(({ code }) => code) : []);

  it('one whose connection is lost in the middle fails: nothing is held for it', async () => {
    const from = connection();
    const reply = arrivals.answer(await prepare('web1'), from);
    await slow.reached;
    const lost = arrivals.lost(from, undefined);
    slow.goOn();
    await lost;
    expect((await reply).type).toBe('refused');
    expect(arrivals.count).toBe(0);
    expect(slow.heard).toContain('release web1');
    expect(local.host.journal.list()).toEqual([]);
    const again = await arrivals.answer(await prepare('web1'), connection());
    expect(again.type, codes(again).join()).toBe('prepared');
  });

  it('one that is under way when the destination stops is given up', async () => {
    const reply = arrivals.answer(await prepare('web1'), connection());
    await slow.reached;
    const closed = arrivals.close(new AbortedError('the destination is shutting down'));
    slow.goOn();
    await closed;
    expect(codes(await reply)).toEqual(['E_ABORTED']);
    expect(codes(await arrivals.answer(await prepare('web2'), connection()))).toEqual(['E_ABORTED']);
    expect(arrivals.count).toBe(0);
  });

  it('cannot be promised the same memory', async () => {
    const { freeMemoryKiB } = await local.host.toolstack.host();
    const most = Math.floor((freeMemoryKiB / 1024) * 0.6);
    const replies = [
      arrivals.answer(await prepare('web1', most), connection()),
      arrivals.answer(await prepare('web2', most), connection()),
    ];
    await slow.reached;
    slow.goOn();
    const [first, second] = await Promise.all(replies);
    expect(first.type, codes(first).join()).toBe('prepared');
    expect(codes(second)).toEqual(['E_REFUSED_NO_MEMORY']);
  });

  it('of one migration are refused: the first stays as it is', async () => {
    const migration = randomUUID();
    const from = connection();
    const first = arrivals.answer(await prepare('web1', 16, migration), from);
    await slow.reached;
    expect(codes(await arrivals.answer(await prepare('web2', 16, migration), from))).toEqual(['E_PROTOCOL_REPEATED']);
    slow.goOn();
    expect((await first).type).toBe('prepared');
  });

  it('one that has ended here answers only the peer that began it', async () => {
    const about = { migration: randomUUID(), epoch: 1 };
    const status = { type: 'status', ...about, uuid: randomUUID(), name: 'web1' } as const;
    expect(await arrivals.answer(status, connection())).toEqual({ type: 'outcome', outcome: 'aborted' });
    const other = { ...connection(), peer: 'hv2' };
    const finish = {
      type: 'finish',
      ...about,
      rawBytes: 0,
      digest: { algorithm: 'sha256', hex: 'a'.repeat(64) },
      run: true,
    } as const;
    for (const word of [status, finish, { type: 'cancel', ...about, error: { code: 'E_X', message: 'x' } } as const]) {
      await expect(arrivals.answer(word, other), word.type).rejects.toMatchObject({
        code: 'E_PROTOCOL_NOT_YOURS',
        hint: expect.stringContaining('hv1') as string,
      });
    }
    const before = local.host.journal.read(about.migration, 'dest');
    await arrivals.answer({ type: 'confirm', ...about }, other);
    expect(local.host.journal.read(about.migration, 'dest')).toEqual(before);
    expect(await arrivals.answer(status, connection())).toEqual({ type: 'outcome', outcome: 'aborted' });
  });

  it('a peer that asks or prepares cannot exhaust the epochs of a guest', async () => {
    slow.goOn();
    const wanted = await prepare('web1');
    const { uuid } = parseDomainXml(wanted.xml);
    const asked = { migration: randomUUID(), epoch: Number.MAX_SAFE_INTEGER, uuid, name: 'web1' };
    const other = { ...connection(), peer: 'hv2' };
    expect(await arrivals.answer({ type: 'status', ...asked }, other)).toMatchObject({ outcome: 'aborted' });
    const leap = { ...wanted, migration: randomUUID(), epoch: 1_000_001 };
    expect(codes(await arrivals.answer(leap, other))).toEqual(['E_PROTOCOL_EPOCH']);
    // What was asked after can never come, whatever the number of its attempt.
    const late = { ...wanted, migration: asked.migration };
    expect(codes(await arrivals.answer(late, other))).toEqual(['E_PROTOCOL_REPEATED']);
    expect((await arrivals.answer(wanted, connection())).type).toBe('prepared');
  });

  it('an older attempt than one that was seen is refused, with the number of that one', async () => {
    slow.goOn();
    const wanted = { ...(await prepare('web1')), epoch: 3 };
    const about = { migration: wanted.migration, epoch: 3 };
    expect((await arrivals.answer(wanted, connection())).type).toBe('prepared');
    const why = { code: 'E_ABORTED', message: 'not now' };
    expect(await arrivals.answer({ type: 'cancel', ...about, error: why }, connection())).toMatchObject({
      outcome: 'aborted',
    });
    await arrivals.settled();
    const late = await arrivals.answer({ ...wanted, migration: randomUUID(), epoch: 2 }, connection());
    expect(codes(late)).toEqual(['E_REFUSED_EPOCH']);
    expect(late).toMatchObject({ highestEpoch: 3 });
    // What is over answers from its journal, with the reason that stands there.
    const digest = { algorithm: 'sha256' as const, hex: '0'.repeat(64) };
    const finish = { type: 'finish', ...about, rawBytes: 0, digest, run: true } as const;
    expect(await arrivals.answer(finish, connection())).toMatchObject({
      outcome: 'aborted',
      error: { code: 'E_TUNNEL_REMOTE', message: expect.stringContaining('not now') as string },
    });
  });

  it('one whose checks do not end in time is refused', async () => {
    const wanted = await prepare('web1');
    const hasty = new Arrivals<never>({ ...context(), deadlines: { ...DEFAULT_DEADLINES, prepareMs: 1 } });
    const reply = hasty.answer(wanted, connection());
    // The participant is let go on when the time is over for certain.
    await Promise.race([slow.reached, reply]);
    await sleep(20);
    slow.goOn();
    expect(codes(await reply)).toEqual(['E_DEADLINE_PREPARE']);
    expect(hasty.count).toBe(0);
    expect(local.host.journal.list()).toEqual([]);
  });

  it('that never were here are written down, but not without bound: an hour later the old ones are forgotten', async () => {
    const asked = (from = connection()): Promise<unknown> => {
      const about = { migration: randomUUID(), epoch: 1, uuid: randomUUID(), name: 'web1' };
      return arrivals.answer({ type: 'status', ...about }, from);
    };
    const known = (): number => local.host.journal.list().length;
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (let n = 0; n < 256; n += 1) expect(await asked()).toMatchObject({ outcome: 'aborted' });
      await expect(asked()).rejects.toMatchObject({
        code: 'E_PROTOCOL_UNKNOWN',
        hint: expect.stringContaining('in an hour') as string,
      });
      expect(known()).toBe(256);
      expect(await asked({ ...connection(), peer: 'hv2' })).toMatchObject({ outcome: 'aborted' });
      vi.setSystemTime(Date.now() + 3_600_001);
      expect(await asked()).toMatchObject({ outcome: 'aborted' });
      expect(known()).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
