import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccessRules } from '../../../../src/host/access/access-rules.js';
import { encode } from '../../../../src/control/messages.js';
import { Requester } from '../../../../src/control/requester.js';
import { connectThrough } from '../../../../src/migration/connect/connect.js';
import { MigrationServer } from '../../../../src/migration/server/migration-server.js';
import { FrameLink } from '../../../../src/tunnel/frame-link.js';
import { MessageChannel } from '../../../../src/tunnel/message-channel.js';
import { guestXml } from '../../../support/hosts.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { linkPair } from '../../tunnel/duplex-pair.js';

describe('rules for each verb', () => {
  it.each([
    [[], [], 'migrate', 'a', false],
    [[], ['a'], 'recover', 'a', true],
    [['*'], [], 'migrate', 'a', true],
    [['a'], [], 'migrate', 'a', true],
    [['a'], [], 'recover', 'a', true],
    [['a'], [], 'recover', 'b', false],
    [['a'], ['b'], 'recover', 'b', true],
    [['a'], ['b'], 'migrate', 'b', false],
    [['a'], ['*.b'], 'recover', 'x.b', true],
  ] as const)('allow %j, allow_recover %j: %s of %s: %s', (allow, recover, verb, name, allowed) => {
    expect(new AccessRules(allow, recover).allows(verb, { transport: 'tls', name })).toBe(allowed);
  });

  it('are for certificates: whom sshd let in is looked at by other rules', () => {
    for (const verb of ['migrate', 'recover'] as const) {
      expect(new AccessRules(['a'], ['b']).allows(verb, { transport: 'ssh', name: 'root@ssh' })).toBe(true);
    }
  });
});

describe('a migration server that does not let every peer in', () => {
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
      new AccessRules(['*.friends.example'], ['once.example']),
    );
  });
  afterEach(async () => {
    await migrationServer[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });

  const connect = async (): Promise<void> => {
    const dial = (): Promise<ReturnType<typeof linkPair>['a']> => {
      const pair = linkPair();
      void migrationServer.accept(pair.b);
      return Promise.resolve(pair.a);
    };
    const through = connectThrough(
      {
        transport: 'tls',
        target: 'b',
        dial,
        dialAgain: dial,
        dialLane: () => Promise.reject(new Error('no lanes here')),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      await local.host.hello(),
    );
    const destination = await through({ onFailed: () => undefined, onLost: () => undefined }, never);
    await destination[Symbol.asyncDispose]();
  };

  it('refuses and logs a peer with a certificate and without permission, with the remedy', async () => {
    const { name } = linkPair().b.peer;
    await expect(connect()).rejects.toMatchObject({
      code: 'E_REFUSED_NOT_ALLOWED',
      message: expect.stringContaining(name) as string,
      hint: expect.stringContaining('--allow') as string,
    });
    await expect.poll(() => log.join(' ')).toContain('may not send guests');
  });

  it('lets it in once it is allowed, without a restart', async () => {
    migrationServer.allowed = new AccessRules([linkPair().b.peer.name]);
    await connect();
  });

  it('a host that may only ask receives the outcome of a migration, and begins none', async () => {
    const pair = linkPair();
    void migrationServer.accept({ ...pair.b, peer: { ...pair.b.peer, name: 'once.example' } });
    const link = new FrameLink(pair.a);
    await link.open(encode({ kind: 'control', hello: await local.host.hello() }), never);
    await using requester = new Requester(
      new MessageChannel(link),
      'b',
      () => undefined,
      () => undefined,
    );
    const about = { migration: randomUUID(), epoch: 1 };
    const wait = { signal: never, ms: 10_000 };
    const prepare = {
      type: 'prepare',
      ...about,
      xml: guestXml({ uuid: randomUUID() }),
      lanes: 1,
      windowBytes: 1,
    } as const;
    const refused = await requester.request(prepare, ['refused'], wait);
    expect(refused.problems).toMatchObject([{ code: 'E_REFUSED_NOT_ALLOWED' }]);
    const status = { type: 'status', ...about, uuid: randomUUID(), name: 'web1' } as const;
    expect(await requester.request(status, ['outcome'], wait)).toMatchObject({ outcome: 'aborted' });
    await link.close();
  });
});
