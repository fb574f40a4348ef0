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

  it('one peer cannot fill it with abandoned conversations: others continue', async () => {
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

describe('who goes on with a conversation, and for how long it may ask nothing', () => {
  let local: LocalHost;
  let reception: MigrationServer;
  const open = async (idleMs?: number): Promise<void> => {
    local = await LocalHost.make();
    const hello = await local.host.hello();
    reception = new MigrationServer(local.host, hello, () => undefined, new AccessRules(['*']), {}, idleMs);
  };
  afterEach(async () => {
    await reception[Symbol.asyncDispose]();
    await local[Symbol.asyncDispose]();
  });
  const dial = (key: string | undefined): FrameLink => {
    const pair = linkPair();
    const peer = { ...pair.b.peer, name: 'hv1', ...(key === undefined ? {} : { key }) };
    void reception.accept({ ...pair.b, peer });
    return new FrameLink(pair.a);
  };
  const begin = async (key: string): Promise<{ link: FrameLink; session: string }> => {
    const link = dial(key);
    const hello = await local.host.hello();
    const answer = await link.open(encode({ kind: 'control', hello, reconnectMs: RECONNECT_MS }), never);
    const opened = decodeWith(openedSchema, answer, 'answer');
    if (opened.kind !== 'control' || opened.session === undefined) throw new Error('no session');
    return { link, session: opened.session };
  };

  it('another certificate of the same name cannot join, even with the secret', async () => {
    await open();
    const { link, session } = await begin('SHA256:one');
    link.destroy();
    const resume = (key: string | undefined): Promise<Uint8Array> =>
      dial(key).open(encode({ kind: 'resume', session, heard: 0 }), never);
    await expect(resume('SHA256:two')).rejects.toMatchObject({ code: 'E_PROTOCOL_SESSION' });
    await expect(resume(undefined)).rejects.toMatchObject({ code: 'E_PROTOCOL_SESSION' });
    expect(decodeWith(openedSchema, await resume('SHA256:one'), 'answer')).toEqual({ kind: 'resume', heard: 0 });
  });

  it('one that asks nothing is ended, whether or not its link is there', async () => {
    await open(50);
    const { link, session } = await begin('SHA256:one');
    await expect(link.receive()).rejects.toThrow();
    await expect(dial('SHA256:one').open(encode({ kind: 'resume', session, heard: 0 }), never)).rejects.toMatchObject({
      code: 'E_PROTOCOL_SESSION',
    });
  });
});
