import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../support/eventually.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import { resumeDomain } from '../../../../src/operations/lifecycle/pause.js';
import { destroyDomain } from '../../../../src/operations/lifecycle/power.js';
import { recover } from '../../../../src/migration/recover/recover.js';
import { openMigrations } from '../../../../src/journal/open-migrations.js';
import { save } from '../../../../src/operations/saving/save.js';
import { RecoveryLoop } from '../../../../src/migration/recover/recovery-loop.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { moveBetween } from '../../../support/moving.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0002';

/* A guest that came to `a`, whose process died, or could not write, in the middle of it. */

let a: LocalHost;
let b: LocalHost;
let migration: string;
beforeEach(async () => {
  a = await LocalHost.make({});
  b = await LocalHost.make({});
  migration = randomUUID();
});
afterEach(async () => {
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
});

async function came(state: 'receiving' | 'committed', paused: boolean): Promise<void> {
  const xml = guestXml({ name: 'web1', uuid: UUID, mib: 4 });
  const { info } = await createDomain(a.host, xml, { paused, validate: false, signal: never });
  const at = new Date().toISOString();
  using file = a.host.journal.begin({
    journal: 1,
    side: 'dest',
    migration,
    epoch: 1,
    uuid: UUID,
    name: 'web1',
    peer: 'c',
    startedAt: at,
  });
  file.append({ state, at, run: true, domid: info.domid });
}

async function goOnToB(): Promise<void> {
  await moveBetween(a, b);
}

const arrival = (): string | undefined => a.host.journal.read(migration, 'dest')?.state?.state;
const stateAt = async (local: LocalHost): Promise<string | undefined> =>
  (await local.host.toolstack.lookup(UUID))?.state;

describe('a guest that is ours, and whose arrival was not written to its end', () => {
  it('F42: moves on: its arrival is finished first, and nothing looks lost afterwards', async () => {
    await came('committed', false);
    await goOnToB();
    expect(await stateAt(b)).toBe('running');
    expect(arrival()).toBe('activated');
    expect(openMigrations(a.host.journal.list())).toEqual([]);
  });

  it('is let run where that had not happened yet', async () => {
    await came('committed', true);
    await goOnToB();
    expect(await stateAt(b)).toBe('running');
  });

  it('is destroyed by hand: it had arrived all the same', async () => {
    await came('committed', false);
    await destroyDomain(a.host, 'web1', never);
    expect(arrival()).toBe('activated');
    expect(openMigrations(a.host.journal.list())).toEqual([]);
  });

  it('is let run, and ends at once: it had arrived, and nobody is asked which copy to keep', async () => {
    await came('committed', true);
    const { toolstack } = a.host;
    vi.spyOn(toolstack, 'unpause').mockImplementation(async (domid) => {
      await toolstack.destroy(domid);
      throw new Error('not heard of again');
    });
    const [settled] = await recover(a.host, { signal: never, connectTo: () => Promise.reject(new Error('nobody')) });
    expect(settled).toMatchObject({ settled: true, result: expect.stringContaining('it is gone again') as string });
    expect(arrival()).toBe('activated');
  });

  it('stays where that cannot be written down now', async () => {
    await came('committed', false);
    const resume = vi.spyOn(a.host.journal, 'resume').mockImplementation(() => {
      throw new Error('the disk is full');
    });
    await expect(goOnToB()).rejects.toMatchObject({ code: 'E_REFUSED_ARRIVING' });
    expect(a.log.join()).toContain('the disk is full');
    expect(await stateAt(a)).toBe('running');
    resume.mockRestore();
    await goOnToB();
    expect(await stateAt(b)).toBe('running');
  });

  it('is finished by a daemon that watches, without anybody asking', async () => {
    await came('committed', true);
    await using _recoveryLoop = new RecoveryLoop(a.host, {
      reaches: () => false,
      open: () => Promise.reject(new Error('nobody is asked')),
      firstPauseMs: 10,
    });
    await eventually(() => {
      expect(arrival()).toBe('activated');
    });
    expect(await stateAt(a)).toBe('running');
    expect(a.log.join()).toContain('unfinished migration from c settled');
  });
});

describe('a copy that is not ours yet: the guest still runs where it came from', () => {
  it.each([
    ['migrate', goOnToB],
    [
      'save',
      async (): Promise<unknown> =>
        save(a.host, {
          domain: 'web1',
          file: a.path('web1.save'),
          unpause: true,
          checkpoint: false,
          signal: never,
          onEvent: () => undefined,
        }),
    ],
    ['resume', async (): Promise<unknown> => resumeDomain(a.host, 'web1', never)],
  ])('%s is refused, and nothing lets it run', async (_verb, attempt) => {
    await came('receiving', true);
    await expect(attempt()).rejects.toMatchObject({ code: 'E_REFUSED_ARRIVING' });
    expect(await stateAt(a)).toBe('paused');
    expect(await stateAt(b)).toBeUndefined();
  });
});
