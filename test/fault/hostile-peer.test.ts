import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bakeCookie } from '../../src/cookie/cookie.js';
import { openArrivals } from '../../src/journal/open-migrations.js';
import {
  decodeWith,
  encode,
  openedSchema,
  type Prepare,
  type Reply,
  type Request,
} from '../../src/control/messages.js';
import { Requester } from '../../src/control/requester.js';
import { formatDomainXml } from '../../src/domain/format.js';
import { parseDomainXml } from '../../src/domain/parse.js';
import { connectThrough } from '../../src/migration/connect/connect.js';
import { createDomain } from '../../src/operations/lifecycle/create.js';
import { migrate } from '../../src/migration/migrate.js';
import { AccessRules } from '../../src/host/access/access-rules.js';
import { MigrationServer } from '../../src/migration/server/migration-server.js';
import { codeOf } from '../../src/errors/message-of.js';
import { FrameLink } from '../../src/tunnel/frame-link.js';
import { encodeHeader, FrameType, type Frame } from '../../src/tunnel/frame.js';
import { MessageChannel } from '../../src/tunnel/message-channel.js';
import { TlsDialer } from '../../src/tunnel/tls-dialer.js';
import { listenTls, type TlsListener } from '../../src/tunnel/tls-listener.js';
import { makeCredentials, type HostCredentials } from '../support/credentials.js';
import { guestXml } from '../support/hosts.js';
import { LocalHost, never } from '../support/local-host.js';

const HOST = '127.0.0.1';
const WAIT = { signal: never, ms: 30_000 };
const MEMORY_MIB = 300;

let server: HostCredentials;
let honest: HostCredentials;
let greedy: HostCredentials;
let a: LocalHost;
let b: LocalHost;
let migrationServer: MigrationServer;
let listener: TlsListener;
const log: string[] = [];
const links: FrameLink[] = [];
const sockets: Socket[] = [];

beforeEach(async () => {
  [server, honest, greedy] = await makeCredentials({ hosts: [[HOST], ['honest.example'], ['greedy.example']] });
  a = await LocalHost.make();
  b = await LocalHost.make();
  migrationServer = new MigrationServer(b.host, await b.host.hello(), (line) => log.push(line), new AccessRules(['*']));
  listener = await listenTls({
    host: HOST,
    port: 0,
    credentials: server,
    onLink: (link) => void migrationServer.accept(link),
    onRefused: () => undefined,
  });
});
afterEach(async () => {
  for (const link of links.splice(0)) link.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener[Symbol.asyncDispose]();
  await migrationServer[Symbol.asyncDispose]();
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
});

const dialer = (credentials: HostCredentials): TlsDialer =>
  new TlsDialer({ host: HOST, port: listener.port, credentials });

async function dial(): Promise<FrameLink> {
  const link = new FrameLink(await dialer(greedy).dial(never));
  links.push(link);
  return link;
}

/** What the destination makes of it: the code with which it ends the link or the request. */
const codeOfEnd = (work: Promise<unknown>): Promise<string> => work.then(() => 'none', codeOf);

async function converse(reconnectMs = 600_000): Promise<{ link: FrameLink; requester: Requester; session: string }> {
  const link = await dial();
  const answer = await link.open(encode({ kind: 'control', hello: await a.host.hello(), reconnectMs }), never);
  const opened = decodeWith(openedSchema, answer, 'answer');
  if (opened.kind !== 'control' || opened.session === undefined) throw new Error('no session');
  const channel = new MessageChannel(link, { reconnectMs });
  const requester = new Requester(
    channel,
    'b',
    () => undefined,
    () => undefined,
  );
  return { link, requester, session: opened.session };
}

async function prepareOf(name: string, mib: number): Promise<Prepare> {
  const domain = parseDomainXml(guestXml({ name, mib, uuid: randomUUID() }));
  const { streamVersions } = await a.host.hello();
  const streamVersion = Math.max(...streamVersions);
  const cookie = bakeCookie({ name, uuid: domain.uuid, hostname: 'greedy', streamVersion });
  return {
    type: 'prepare',
    migration: randomUUID(),
    epoch: 1,
    xml: formatDomainXml(domain),
    cookie: Buffer.from(cookie).toString('base64'),
    lanes: 2,
    windowBytes: 1024 * 1024,
  };
}

const ask = (requester: Requester, request: Request): Promise<Reply> =>
  requester.request(request, ['prepared', 'refused', 'outcome', 'confirmed'], WAIT);

/** All that a peer with a good certificate can do wrong, at once. Returns what came of each. */
async function misbehave(victim: { migration: string; epoch: number; uuid: string }): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  // Somebody else's migration.
  const meddler = await converse();
  const { migration, epoch, uuid } = victim;
  const wire = { code: 'E_ABORTED', message: 'no' };
  const digest = { algorithm: 'sha256' as const, hex: '0'.repeat(64) };
  const words: Request[] = [
    { type: 'cancel', migration, epoch, error: wire },
    { type: 'finish', migration, epoch, rawBytes: 0, digest, run: true },
    { type: 'status', migration, epoch, uuid, name: 'web1' },
    { type: 'confirm', migration, epoch },
  ];
  seen.meddling = await Promise.all(words.map((word) => codeOfEnd(ask(meddler.requester, word))));

  // Connections that never end their handshake, or their first frame.
  for (let n = 0; n < 60; n += 1) {
    const socket = connect(listener.port, HOST).on('error', () => undefined);
    if (n % 2 === 0) socket.write('\x16\x03\x01');
    sockets.push(socket);
  }
  for (let n = 0; n < 20; n += 1) {
    const link = await dialer(greedy).dial(never);
    link.duplex.on('error', () => undefined);
    link.duplex.write(Buffer.from([1, 0, 0]));
    sockets.push(link.duplex);
  }
  // Lanes and conversations of others, guessed.
  const secret = (): string => randomBytes(32).toString('hex');
  const guess = async (open: Parameters<typeof encode>[0]): Promise<string> =>
    codeOfEnd((await dial()).open(encode(open), never));
  seen.lane = await guess({ kind: 'lane', token: secret(), index: 0 });
  seen.resume = await guess({ kind: 'resume', session: secret(), heard: 0 });

  // Conversations that are left behind, one that has ended and is asked for again.
  for (let n = 0; n < 30; n += 1) (await converse()).link.destroy();
  const ended = await converse();
  await ended.link.close();
  await expect.poll(() => guess({ kind: 'resume', session: ended.session, heard: 0 })).toBe('E_PROTOCOL_SESSION');

  // More than there is.
  const huge = await ask(meddler.requester, await prepareOf('huge', 1_000_000));
  seen.huge = huge.type === 'refused' ? huge.problems.map(({ code }) => code) : huge.type;

  // Guests that are announced and never come; one whose lane brings what does not fit.
  for (let n = 0; n < 4; n += 1) {
    const { requester } = await converse();
    const prepared = await ask(requester, await prepareOf(`never${n}`, 16));
    if (prepared.type !== 'prepared') throw new Error(`never${n}: ${JSON.stringify(prepared)}`);
    if (n > 0) continue;
    const lane = await dial();
    await lane.open(encode({ kind: 'lane', token: prepared.token, index: 0 }), never);
    await lane.send({ type: FrameType.DATA, sequence: 3, offset: 999, payload: Buffer.alloc(1000) });
    await lane
      .send({ type: FrameType.DATA, sequence: 0, offset: 5, payload: Buffer.alloc(1000) })
      .catch(() => undefined);
    seen.data = await codeOfEnd(readUntilEnd(lane));
  }

  // Frames out of order, and more questions than one may have open.
  const disorder = await converse();
  disorder.link
    .send({ type: FrameType.MESSAGE, sequence: 7, offset: 0, payload: Buffer.from('{}') })
    .catch(() => undefined);
  await expect.poll(() => disorder.link.failure ?? 'open').not.toBe('open');
  const flood = await converse();
  const slow = await Promise.all(Array.from({ length: 40 }, () => prepareOf('flood', 16)));
  const said = await Promise.all(
    slow.map((prepare) =>
      ask(flood.requester, prepare).then(
        (reply) => (reply.type === 'refused' ? reply.problems[0].code : reply.type),
        codeOf,
      ),
    ),
  );
  // Four of its migrations arrive already, of which the one with the broken lane may have ended: its place is taken at most once.
  const taken = said.filter((code) => code === 'prepared').length;
  seen.flooded = taken <= 1 && said.every((code) => /^(?:prepared|E_REFUSED_BUSY|E_PROTOCOL_.*)$/.test(code));

  // Long messages that are announced and never sent.
  const open: Frame = {
    type: FrameType.OPEN,
    sequence: 0,
    offset: 0,
    payload: encode({ kind: 'control', hello: await a.host.hello() }),
  };
  const long: Frame = { type: FrameType.MESSAGE, sequence: 0, offset: 0, payload: Buffer.alloc(4 * 1024 * 1024) };
  const begun = Buffer.concat([encodeHeader(open), open.payload, encodeHeader(long), Buffer.alloc(1000)]);
  for (let n = 0; n < 60; n += 1) {
    const { duplex } = await dialer(greedy).dial(never);
    duplex.on('error', () => undefined).write(begun);
    sockets.push(duplex);
  }
  return seen;
}

async function readUntilEnd(link: FrameLink): Promise<void> {
  for (;;) if ((await link.receive()) === undefined) return;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

it('a peer with a valid certificate that does everything wrong: an honest migration continues, and nothing is left', async () => {
  await createDomain(a.host, guestXml({ name: 'web1', mib: 16 }), { paused: false, validate: false, signal: never });
  // The honest one lasts until the other has done its worst.
  const slow = { fault: 'save-write-slow', bytesPerSecond: 1_500_000, count: 1 };
  writeFileSync(a.path('faults.json'), JSON.stringify([slow]));
  const before = descriptors();
  const memory = process.memoryUsage.rss();
  let moves: () => void = () => undefined;
  const moving = new Promise<void>((resolve) => {
    moves = resolve;
  });
  await using through = dialer(honest);
  const migrating = migrate(a.host, {
    domain: 'web1',
    destination: `xen+tls://${HOST}/system`,
    connect: connectThrough(through, await a.host.hello()),
    live: true,
    suspend: false,
    lanes: 2,
    cancel: never,
    abandon: never,
    onProgress: (event) => {
      if (event.type === 'phase' && event.phase === 'perform') moves();
    },
  });
  await Promise.race([moving, migrating]);
  const [journal] = a.host.journal.list();
  const { migration, epoch, uuid } = journal.header;
  const seen = await misbehave({ migration, epoch, uuid });
  expect(seen).toEqual({
    lane: 'E_PROTOCOL_TOKEN',
    resume: 'E_PROTOCOL_SESSION',
    meddling: Array.from({ length: 4 }, () => 'E_PROTOCOL_NOT_YOURS'),
    huge: ['E_REFUSED_NO_MEMORY'],
    data: expect.stringMatching(/^E_(PROTOCOL|TUNNEL)_/) as string,
    flooded: true,
  });
  expect((process.memoryUsage.rss() - memory) / 1024 / 1024).toBeLessThan(MEMORY_MIB);
  expect(await migrating).toMatchObject({ place: 'destination', runningThere: true });

  for (const link of links.splice(0)) link.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener[Symbol.asyncDispose]();
  await migrationServer[Symbol.asyncDispose]();
  expect((await b.host.toolstack.list()).map(({ name, state }) => `${name} ${state}`)).toEqual(['web1 running']);
  expect(openArrivals(b.host.journal.list())).toEqual([]);
  expect(readdirSync(b.path('xenferry', 'domains'))).toEqual([]);
  await expect.poll(descriptors).toBeLessThanOrEqual(before);
  expect(log.length, log.join('\n')).toBeLessThan(60);
}, 120_000);
