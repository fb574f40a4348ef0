import { randomUUID } from 'node:crypto';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { recoverByHand } from '../../../../src/migration/recover/recover.js';
import { resumeDomain } from '../../../../src/operations/lifecycle/pause.js';
import { createDomain } from '../../../../src/operations/lifecycle/create.js';
import type { JournalState } from '../../../../src/journal/records.js';
import { OwnedFd } from '../../../../src/posix/owned-fd.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';

const UUID = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0002';

/** A host whose guest was sent to a destination that never answered. */
class InDoubt {
  readonly migration = randomUUID();

  static async make(state: JournalState['state'] = 'in-doubt'): Promise<InDoubt> {
    const local = await LocalHost.make({});
    const { info } = await createDomain(local.host, guestXml({ name: 'web1', uuid: UUID, mib: 8 }), {
      paused: false,
      validate: false,
      signal: never,
    });
    const { domid } = info;
    const sink = new OwnedFd(openSync('/dev/null', 'w'), 'nowhere');
    await local.host.toolstack.save(domid, sink, { live: true, signal: never });
    const doubt = new InDoubt(local);
    using file = local.host.journal.begin({
      journal: 1,
      side: 'source',
      migration: doubt.migration,
      epoch: 1,
      uuid: UUID,
      name: 'web1',
      domid,
      peer: 'xen+tls://away/system',
      startedAt: new Date().toISOString(),
    });
    file.append({ state, at: new Date().toISOString() });
    return doubt;
  }

  private constructor(readonly local: LocalHost) {}

  get state(): JournalState | undefined {
    return this.local.host.journal.read(this.migration, 'source')?.state;
  }
}

describe('a person decides where a destination does not answer', () => {
  let doubt: InDoubt;
  beforeEach(async () => {
    doubt = await InDoubt.make();
  });
  afterEach(async () => {
    await doubt.local[Symbol.asyncDispose]();
  });

  it('nobody else may: the suspended copy is not let run', async () => {
    await expect(resumeDomain(doubt.local.host, 'web1', never)).rejects.toMatchObject({ code: 'E_REFUSED_IN_DOUBT' });
  });

  it.each(['web1', UUID])('for the source, by %s: the guest runs on here', async (ref) => {
    const { host } = doubt.local;
    expect(await recoverByHand(host, ref, 'source', never)).toMatchObject({ settled: true, domain: 'web1' });
    expect(await host.toolstack.lookup('web1')).toMatchObject({ state: 'running' });
    expect(doubt.state).toMatchObject({ state: 'retained' });
  });

  it('for the destination: the copy here is ended', async () => {
    const { host } = doubt.local;
    expect(await recoverByHand(host, doubt.migration, 'dest', never)).toMatchObject({ settled: true });
    expect(await host.toolstack.list()).toEqual([]);
    expect(doubt.state).toMatchObject({ state: 'released' });
  });

  it('the decision is in the journal before anything is done', async () => {
    const { host } = doubt.local;
    const file = join(host.journal.dir, `${doubt.migration}.source.journal`);
    let before = '';
    vi.spyOn(host.toolstack, 'destroy').mockImplementation(() => {
      before = readFileSync(file, 'utf8');
      return Promise.reject(new Error('not now'));
    });
    expect(await recoverByHand(host, 'web1', 'dest', never)).toMatchObject({ settled: false });
    expect(before).toContain('decided by a person: the guest is kept at the destination');
    expect(doubt.state).toMatchObject({ state: 'leaving' });
    await expect(recoverByHand(host, 'web1', 'source', never)).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_IN_DOUBT',
    });
  });

  it.each(['other', 'web'])('nothing is decided about %s', async (ref) => {
    await expect(recoverByHand(doubt.local.host, ref, 'dest', never)).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_IN_DOUBT',
    });
    expect(doubt.state).toMatchObject({ state: 'in-doubt' });
  });
});

it.each(['performing', 'returning', 'leaving'] as const)(
  'no force where the program knows itself what is right: %s',
  async (state) => {
    const doubt = await InDoubt.make(state);
    await using _local = doubt.local;
    await expect(recoverByHand(doubt.local.host, 'web1', 'dest', never)).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_IN_DOUBT',
    });
  },
);
