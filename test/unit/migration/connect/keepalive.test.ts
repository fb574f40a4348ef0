import { expect, it } from 'vitest';
import { encode } from '../../../../src/control/messages.js';
import { connectThrough } from '../../../../src/migration/connect/connect.js';
import { MigrationServer } from '../../../../src/migration/server/migration-server.js';
import { AccessRules } from '../../../../src/host/access/access-rules.js';
import { FrameLink } from '../../../../src/tunnel/frame-link.js';
import type { Dialer } from '../../../../src/tunnel/link.js';
import { LocalHost, never } from '../../../support/local-host.js';
import { linkPair } from '../../tunnel/duplex-pair.js';

const SOON = { keepaliveMs: 20, keepaliveCount: 3 };
const LATE = { keepaliveMs: 3_600_000, keepaliveCount: 3 };

it('F9: a source finds a silent destination as soon as its configuration says', async () => {
  await using local = await LocalHost.make();
  const hello = await local.host.hello();
  await using migrationServer = new MigrationServer(local.host, hello, () => undefined, new AccessRules(['*']), LATE);
  const pair = linkPair();
  void migrationServer.accept(pair.b);
  const dialer: Dialer = {
    transport: 'tls',
    target: 'b',
    keepalive: SOON,
    dial: () => Promise.resolve(pair.a),
    dialAgain: () => Promise.reject(new Error('once only')),
    dialLane: () => Promise.reject(new Error('no lanes here')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  let onLost: (error: Error) => void = () => undefined;
  const lost = new Promise<Error>((resolve) => {
    onLost = resolve;
  });
  const events = { onConnection: () => undefined, onFailed: () => undefined, onLost };
  await using _destination = await connectThrough(dialer, hello)(events, never);
  pair.b.duplex.hold();
  expect(await lost).toMatchObject({ code: 'E_TUNNEL_SILENT' });
});

it('F9: and a destination a silent source', async () => {
  await using local = await LocalHost.make();
  const hello = await local.host.hello();
  let hear: (line: string) => void = () => undefined;
  const said = new Promise<string>((resolve) => {
    hear = resolve;
  });
  await using migrationServer = new MigrationServer(local.host, hello, hear, new AccessRules(['*']), SOON);
  const pair = linkPair();
  void migrationServer.accept(pair.b);
  const source = new FrameLink(pair.a, LATE);
  await source.open(encode({ kind: 'control', hello, reconnectMs: 0 }), never);
  pair.a.duplex.hold();
  expect(await said).toContain('nothing heard from');
  source.destroy(new Error('over'));
});
