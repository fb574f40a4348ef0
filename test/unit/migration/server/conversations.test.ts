import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeWith, encode, openedSchema } from '../../../../src/control/messages.js';
import { MOST_CONVERSATIONS, MOST_WITH_ONE_PEER } from '../../../../src/migration/server/conversations.js';
import { AccessRules } from '../../../../src/host/access/access-rules.js';
import { MigrationServer } from '../../../../src/migration/server/migration-server.js';
import { FrameLink } from '../../../../src/tunnel/frame-link.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { linkPair } from '../../tunnel/duplex-pair.js';

/** Longer than the test: what waits for its source still waits at the end. */
const RECONNECT_MS = 600_000;

describe('how many conversations a migration server holds', () => {
  let local: LocalHost;
  let migrationServer: MigrationServer;
  beforeEach(async () => {
    local = await LocalHost.make();
    migrationServer = new MigrationServer(
      local.host,
      await local.host.hello(),
      () => undefined,
      new AccessRules(['*']),
    );
  });
  afterEach(async () => {
    await migrationServer[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });

  /** Begins a conversation as `name`. Rejects where it is refused. */
  async function converse(name: string, reconnectMs = RECONNECT_MS): Promise<FrameLink> {
    const pair = linkPair();
    void migrationServer.accept({ ...pair.b, peer: { ...pair.b.peer, name } });
    const link = new FrameLink(pair.a);
    const answer = await link.open(encode({ kind: 'control', hello: await local.host.hello(), reconnectMs }), never);
    expect(decodeWith(openedSchema, answer, 'answer').kind).toBe('control');
    return link;
  }

  const REFUSED = { code: 'E_REFUSED_CONVERSATIONS', message: expect.stringContaining('of busy') as string };

  it('one peer may not fill it with conversations that it leaves: others go on', async () => {
    for (let count = 0; count < MOST_WITH_ONE_PEER; count += 1) (await converse('busy')).destroy();
    await expect(converse('busy')).rejects.toMatchObject(REFUSED);
    await expect(converse('busy', 0)).rejects.toMatchObject(REFUSED);
    (await converse('quiet')).destroy();
  });

  it('what has ended does not count, nor what was refused', async () => {
    const links: FrameLink[] = [];
    for (let count = 0; count < MOST_WITH_ONE_PEER; count += 1) links.push(await converse('busy', 0));
    for (let count = 0; count < 10; count += 1) await expect(converse('busy')).rejects.toMatchObject(REFUSED);
    for (const link of links) link.destroy();
    await expect
      .poll(() =>
        converse('busy').then(
          () => 'begun',
          () => 'refused',
        ),
      )
      .toBe('begun');
  });

  it('a dozen of them are nothing to warn of', async () => {
    const warnings: Error[] = [];
    const heard = (warning: Error): void => void warnings.push(warning);
    process.on('warning', heard);
    try {
      for (let count = 0; count < 12; count += 1) await converse('busy');
      await new Promise((resolve) => setImmediate(resolve)); // warnings come a turn late
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', heard);
    }
  });

  it('many peers together do not get more than all may have', async () => {
    for (let count = 0; count < MOST_CONVERSATIONS; count += 1) await converse(`peer${count % 8}`);
    await expect(converse('another')).rejects.toMatchObject({
      code: 'E_REFUSED_CONVERSATIONS',
      message: expect.stringContaining(`${MOST_CONVERSATIONS} conversations are open`) as string,
    });
  });
});
