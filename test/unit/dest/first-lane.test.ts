import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bakeCookie } from '../../../src/cookie/cookie.js';
import type { Prepare } from '../../../src/control/messages.js';
import { Arrivals } from '../../../src/dest/arrivals.js';
import type { SourceConnection } from '../../../src/dest/source-connection.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { AbortedError, ToolstackError } from '../../../src/errors/errors.js';
import { arrivalsOf } from '../../../src/operations/running/incoming.js';
import type { Toolstack } from '../../../src/toolstack/toolstack.js';
import { guestXml } from '../../support/hosts.js';
import { LocalHost } from '../../support/local-host.js';

let restores = 0;
let notices: string[] = [];
let opened: (() => void)[] = [];
let local: LocalHost;
let arrivals: Arrivals<never>;

/** The toolstack, whose restores fail at once and are counted. */
const counting = (toolstack: Toolstack): Toolstack =>
  new Proxy(toolstack, {
    get: (target, key): unknown => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'restore') return (...words: unknown[]): unknown => Reflect.apply(value, target, words) as unknown;
      const restore: Toolstack['restore'] = (_config, source) => {
        restores += 1;
        source.close();
        return Promise.reject(new ToolstackError('E_TOOLSTACK_AGENT_DIED', 'the agent could not be started: ENOMEM'));
      };
      return restore;
    },
  });

beforeEach(async () => {
  restores = 0;
  notices = [];
  opened = [];
  local = await LocalHost.make({ around: counting });
  arrivals = new Arrivals<never>({
    ...arrivalsOf(local.host),
    makeLanes: () => {
      const lanes = new PassThrough().on('error', () => undefined);
      return {
        opened: new Promise((resolve) => opened.push(resolve)),
        chunks: lanes,
        attach: () => undefined,
        destroy: (error) => void lanes.destroy(error),
      };
    },
    onEvent: () => undefined,
    log: () => undefined,
  });
});
afterEach(async () => {
  await arrivals.close(new AbortedError('over'));
  await arrivals.settled();
  await local[Symbol.asyncDispose]();
});

const from: SourceConnection = {
  peer: 'hv1',
  hostname: 'hv1',
  notify: (_migration, _epoch, error) => void notices.push(error.message),
};

async function prepare(name: string): Promise<Prepare> {
  const domain = parseDomainXml(guestXml({ name, mib: 16, uuid: randomUUID() }));
  const { streamVersions } = await local.host.hello();
  const cookie = bakeCookie({ name, uuid: domain.uuid, hostname: 'hv1', streamVersion: Math.max(...streamVersions) });
  return {
    type: 'prepare',
    migration: randomUUID(),
    epoch: 1,
    xml: formatDomainXml(domain),
    cookie: Buffer.from(cookie).toString('base64'),
    lanes: 1,
    windowBytes: 1024 * 1024,
  };
}

describe('an arrival before its first lane', () => {
  it('has started no restore, however many there are, and leaves nothing when it is given up', async () => {
    const requests = await Promise.all(['web1', 'web2', 'web3'].map(prepare));
    for (const request of requests) expect((await arrivals.answer(request, from)).type).toBe('prepared');
    expect(arrivals.count).toBe(3);
    await arrivals.lost(from, undefined);
    await arrivals.settled();
    expect(restores).toBe(0);
    expect(await local.host.toolstack.list()).toEqual([]);
    expect(local.host.journal.list().map(({ state }) => state?.state)).toEqual(['refused', 'refused', 'refused']);
  });

  it('starts the restore with it; one that cannot start is reported to the source by its own reason', async () => {
    const request = await prepare('web1');
    expect((await arrivals.answer(request, from)).type).toBe('prepared');
    expect(restores).toBe(0);
    for (const open of opened) open();
    await arrivals.settled();
    expect(restores).toBe(1);
    expect(notices).toEqual(['the agent could not be started: ENOMEM']);
    const { migration, epoch } = request;
    const outcome = await arrivals.answer(
      { type: 'cancel', migration, epoch, error: { code: 'E_ABORTED', message: 'no' } },
      from,
    );
    expect(outcome).toMatchObject({ outcome: 'aborted', error: { message: 'the agent could not be started: ENOMEM' } });
  });
});

describe('a migration that is not under way in this process', () => {
  const leave = (state: 'committed' | 'activated' | 'refusing' | 'refused'): { migration: string; epoch: number } => {
    const about = { migration: randomUUID(), epoch: 1 };
    const header = {
      journal: 1,
      side: 'dest',
      uuid: randomUUID(),
      name: 'web1',
      peer: 'hv1',
      identity: 'hv1',
    } as const;
    const at = new Date().toISOString();
    using file = local.host.journal.begin({ ...header, ...about, startedAt: at });
    file.append({ state, at, why: 'for a reason' });
    return about;
  };
  const digest = { algorithm: 'sha256', hex: 'a'.repeat(64) } as const;

  // A record that was read back may not be on the disk: only what follows from a durable one is certain.
  it.each([
    ['committed', 'pending'],
    ['activated', 'committed'],
    ['refusing', 'pending'],
    ['refused', 'aborted'],
  ] as const)('left %s by its journal is answered %s', async (state, outcome) => {
    const about = leave(state);
    const finish = await arrivals.answer({ type: 'finish', ...about, rawBytes: 0, digest, run: true }, from);
    expect(finish).toMatchObject({ type: 'outcome', outcome });
    const cancel = { type: 'cancel', ...about, error: { code: 'E_ABORTED', message: 'no' } } as const;
    expect(await arrivals.answer(cancel, from)).toMatchObject({ type: 'outcome', outcome });
  });
});
