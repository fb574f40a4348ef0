import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeWith, encode, openedSchema } from '../../../../src/control/messages.js';
import { AccessRules } from '../../../../src/host/access/access-rules.js';
import { MigrationServer } from '../../../../src/migration/server/migration-server.js';
import { FrameLink } from '../../../../src/tunnel/frame-link.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { linkPair } from '../../tunnel/duplex-pair.js';

describe('a peer that sends nothing', () => {
  let local: LocalHost;
  const lines: string[] = [];
  beforeEach(async () => {
    lines.length = 0;
    local = await LocalHost.make({ deadlines: { connectMs: 200 } });
  });
  afterEach(() => local[Symbol.asyncDispose]());

  const serve = async (idleMs?: number): Promise<MigrationServer> =>
    new MigrationServer(
      local.host,
      await local.host.hello(),
      (line) => lines.push(line),
      new AccessRules(['*']),
      {},
      idleMs,
    );
  const dial = (server: MigrationServer, name: string): { link: FrameLink; served: Promise<void> } => {
    const pair = linkPair();
    const served = server.accept({ ...pair.b, peer: { ...pair.b.peer, name } });
    return { link: new FrameLink(pair.a), served };
  };
  const hello = async (): Promise<Uint8Array> =>
    encode({ kind: 'control', hello: await local.host.hello(), reconnectMs: 0 });

  it('is refused when the time for its hello is over', async () => {
    await using server = await serve();
    const { link, served } = dial(server, 'mute');
    await served;
    await expect(link.open(await hello(), never)).rejects.toMatchObject({ code: 'E_DEADLINE_HELLO' });
  });

  it('is refused when the server closes', async () => {
    const server = await serve();
    const { link } = dial(server, 'late');
    await server[Symbol.asyncDispose]();
    await expect(link.open(await hello(), never)).rejects.toMatchObject({ code: 'E_REFUSED_CLOSING' });
  });

  it('in a conversation is disconnected, and counted by its reason where there are many', async () => {
    const server = await serve(20);
    for (let count = 0; count < 12; count += 1) {
      const { link, served } = dial(server, `quiet${count}`);
      const answer = await link.open(await hello(), never);
      expect(decodeWith(openedSchema, answer, 'answer').kind).toBe('control');
      await served;
    }
    await server[Symbol.asyncDispose]();
    expect(lines.filter((line) => line.includes('has sent no request for 0.02 s')).length).toBeGreaterThanOrEqual(10);
    expect(lines.at(-1)).toMatch(/more connections failed than are listed: E_REFUSED_IDLE \d+x/);
  });
});
