import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PeerLimits } from '../../../../src/tunnel/peer-limits.js';
import { encode } from '../../../../src/control/messages.js';
import { AccessRules } from '../../../../src/host/access/access-rules.js';
import { MOST_SILENT_OF_ONE_PEER, MigrationServer } from '../../../../src/migration/server/migration-server.js';
import { FrameLink } from '../../../../src/tunnel/frame-link.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { linkPair } from '../../tunnel/duplex-pair.js';

describe('PeerLimits', () => {
  it('bounds each peer for itself, and counts who leaves once', () => {
    const limits = new PeerLimits({ what: 'open things', perPeer: 2, hint: 'Wait.' });
    const first = limits.enter('a');
    limits.enter('a');
    expect(() => limits.enter('a')).toThrow(/a has 2 open things/);
    limits.enter('b');
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect([limits.count('a'), limits.count('b')]).toEqual([1, 1]);
    limits.enter('a');
    expect(() => limits.enter('a')).toThrow(
      expect.objectContaining({ code: 'E_REFUSED_BUSY', hint: 'Wait.' }) as Error,
    );
  });
});

describe('a peer that wastes connections', () => {
  let local: LocalHost;
  let migrationServer: MigrationServer;
  const log: string[] = [];
  beforeEach(async () => {
    log.length = 0;
    local = await LocalHost.make();
    migrationServer = new MigrationServer(
      local.host,
      await local.host.hello(),
      (line) => log.push(line),
      new AccessRules(['*']),
    );
  });
  afterEach(async () => {
    await migrationServer[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });

  const dial = (peer: string): FrameLink => {
    const pair = linkPair();
    void migrationServer.accept({ ...pair.b, peer: { ...pair.b.peer, name: peer } });
    return new FrameLink(pair.a);
  };
  const converse = async (peer: string): Promise<void> => {
    const hello = await local.host.hello();
    const link = dial(peer);
    await link.open(encode({ kind: 'control', hello }), never);
    await link.close();
  };

  it('connections that never announce their purpose are bounded: others continue', async () => {
    const silent = Array.from({ length: MOST_SILENT_OF_ONE_PEER }, () => dial('greedy'));
    await expect(converse('greedy')).rejects.toMatchObject({ code: 'E_REFUSED_BUSY' });
    await converse('honest');
    for (const link of silent) link.destroy();
    await expect
      .poll(() =>
        converse('greedy').then(
          () => 'in',
          () => 'out',
        ),
      )
      .toBe('in');
  });

  it('repeated errors of one peer become a few lines and a count', async () => {
    for (let times = 0; times < 200; times += 1) {
      await expect(dial('greedy').open(Buffer.from('{}'), never)).rejects.toMatchObject({ code: 'E_PROTOCOL_MESSAGE' });
    }
    expect(log.length).toBeLessThanOrEqual(10);
    expect(log[0]).toMatch(/^greedy \(.*\): hello of greedy: field kind/);
    await migrationServer[Symbol.asyncDispose]();
    expect(log.at(-1)).toBe('more connections failed than are listed: E_PROTOCOL_MESSAGE 190x');
  });
});
