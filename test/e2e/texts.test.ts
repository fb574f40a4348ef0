import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeWith,
  envelopeSchema,
  FEATURES,
  openedSchema,
  replySchema,
  type Request,
} from '../../src/control/messages.js';
import { bakeCookie } from '../../src/cookie/cookie.js';
import { asError } from '../../src/errors/message-of.js';
import { FrameLink } from '../../src/tunnel/frame-link.js';
import { MessageChannel } from '../../src/tunnel/message-channel.js';
import { loadTlsDir } from '../../src/tunnel/tls-credentials.js';
import { TlsDialer } from '../../src/tunnel/tls-dialer.js';
import { listenTls, type TlsListener } from '../../src/tunnel/tls-listener.js';
import { guestXml, TwoHosts } from '../support/hosts.js';
import { never } from '../support/local-host.js';
import { POISON, unseenIn } from '../support/poison.js';

const HOST = '127.0.0.1';
/** What a reader would take for a line of ours. */
const FORGED = /^2026-11-28T00:00:00.000Z SIGHUP/m;

let hosts: TwoHosts;
beforeEach(async () => {
  hosts = await TwoHosts.make();
});
afterEach(async () => {
  await hosts[Symbol.asyncDispose]();
});

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const hello = {
  protocol: { min: 1, max: 1 },
  software: POISON.slice(0, 64),
  hostname: POISON,
  features: [...FEATURES, POISON.slice(0, 64)],
  streamVersions: [2, 3],
};
const wireError = {
  code: 'E_ABORTED',
  message: POISON,
  hint: POISON,
  data: { [POISON.slice(0, 64)]: [POISON], said: POISON },
};

/** The text files below a folder: logs, journals, events, records. */
function textsBelow(dir: string): string {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

function expectPrintable(texts: Readonly<Record<string, string>>): void {
  for (const [where, text] of Object.entries(texts)) {
    expect(unseenIn(text), where).toEqual([]);
    expect(text, where).not.toMatch(FORGED);
  }
}

it(
  'texts of a source reach neither log nor journal, event or terminal of the destination as they came',
  { timeout: 120_000 },
  async () => {
    const { b, tlsDir } = hosts;
    const server = await b.serve();
    const [host, port] = b.address.split(':');
    await using dialer = new TlsDialer({ host, port: Number(port), credentials: loadTlsDir(tlsDir) });

    const link = new FrameLink(await dialer.dial(never));
    decodeWith(openedSchema, await link.open(bytesOf({ kind: 'control', hello }), never), 'answer');
    const channel = new MessageChannel(link);
    let id = 0;
    const ask = async (request: unknown): Promise<void> => {
      id += 1;
      await channel.send(bytesOf({ id, request }));
      await channel.receive(never);
    };
    const about = { migration: randomUUID(), epoch: 1 };
    const uuid = randomUUID();
    const cookie = bakeCookie({ name: 'web1', uuid, hostname: 'evil', streamVersion: 3 });
    await ask({ type: 'status', migration: randomUUID(), epoch: 1, uuid, name: POISON });
    await ask({
      type: 'prepare',
      ...about,
      xml: guestXml({ name: 'web1', uuid, mib: 8 }).replace('<memory', '<title>t&#x202e;&#x9b;2J</title><memory'),
      cookie: Buffer.from(cookie).toString('base64'),
      lanes: 1,
      windowBytes: 65_536,
    });
    const listed = { table: await b.run('recover', '--list'), json: await b.run('recover', '--list', '--json') };
    await ask({ type: 'cancel', ...about, error: wireError });
    // A message that is none ends the conversation, with what was wrong in it.
    await channel.send(
      bytesOf({
        id: 99,
        request: { type: 'cancel', ...about, error: { ...wireError, data: { [POISON.slice(0, 64)]: {} } } },
      }),
    );
    await server.saysOnStderr(/message from .*: field /);
    await b.stop();

    expect(server.stderr).toContain(String.raw`\u001b[2J`);
    expect(textsBelow(join(b.dir, 'xenferry'))).toContain(String.raw`\u001b[2J`);
    expectPrintable({
      log: server.stderr,
      files: textsBelow(join(b.dir, 'xenferry')),
      table: listed.table.stdout + listed.table.stderr,
      json: listed.json.stdout + listed.json.stderr,
    });
  },
);

describe('texts of a destination', () => {
  let listener: TlsListener | undefined;
  afterEach(async () => {
    await listener?.[Symbol.asyncDispose]();
  });

  /** A destination that answers every first question with what it is given. */
  async function pretend(answer: (id: number, request: Request) => unknown, refuses = false): Promise<string> {
    const serve = async (link: FrameLink): Promise<void> => {
      await link.awaitOpen(never);
      if (refuses) {
        await link.refuse(Object.assign(asError(POISON), { code: 'E_ABORTED' }));
        return;
      }
      await link.answer(bytesOf({ kind: 'control', hello }));
      const channel = new MessageChannel(link);
      for (;;) {
        const bytes = await channel.receive(never);
        if (bytes === undefined) return;
        const message = decodeWith(envelopeSchema, bytes, 'message');
        if ('request' in message) await channel.send(bytesOf(answer(message.id, message.request)));
      }
    };
    listener = await listenTls({
      host: HOST,
      port: 0,
      credentials: loadTlsDir(hosts.tlsDir),
      onLink: (link) => void serve(new FrameLink(link)).catch(() => undefined),
      onRefused: () => undefined,
    });
    return `${HOST}:${listener.port}`;
  }

  const problems = [{ code: 'E_REFUSED_NO_MEMORY', message: POISON, remedy: POISON }];
  const CASES: readonly [string, (id: number, request: Request) => unknown, boolean?][] = [
    ['a refusal of the guest', (re) => ({ re, reply: { type: 'refused', problems } })],
    ['an error in place of an answer', (re) => ({ re, reply: { type: 'error', error: wireError } })],
    ['an outcome', (re) => ({ re, reply: { type: 'outcome', outcome: 'aborted', error: wireError } })],
    ['a notice', (_re, { migration, epoch }) => ({ notice: { type: 'failed', migration, epoch, error: wireError } })],
    [
      'a message of another form',
      (re) => ({ re, reply: { type: 'error', error: { ...wireError, data: { [POISON.slice(0, 64)]: {} } } } }),
    ],
    ['a refusal of the connection', () => undefined, true],
  ];

  it('are tried with every kind of answer that there is', () => {
    const kinds = replySchema.options.map((option) => option.shape.type.value);
    expect(kinds).toEqual(['prepared', 'refused', 'outcome', 'confirmed', 'error']); // prepared and confirmed say nothing to people
  });

  it.each(CASES)('are printable at the source: %s', { timeout: 120_000 }, async (_what, answer, refuses) => {
    const { a } = hosts;
    await a.create(guestXml({ name: 'web1', mib: 8 }));
    const address = await pretend(answer, refuses);
    const words = a.migrateWords('web1', address, '--deadline', 'prepare=5', '--reconnect-timeout', '0');
    const json = await a.run(...words, '--progress', 'lines');
    const text = await a.run(...words.filter((word) => word !== '--json'), '--progress', 'lines');
    expect(json.code).not.toBe(0);
    expect(json.stdout + text.stderr).toContain(String.raw`\u001b`);
    expectPrintable({
      'the result as JSON': json.stdout,
      'the notes beside it': json.stderr,
      'the result as text': text.stdout,
      'the error as text': text.stderr,
      files: textsBelow(join(a.dir, 'xenferry')),
    });
    // The guest's own stay what they are.
    expect(await a.list()).toMatchObject([{ name: 'web1', state: 'running' }]);
  });

  it('are printable where a person only asks who is there', { timeout: 60_000 }, async () => {
    const address = await pretend(() => undefined);
    const words = ['version', '--peer', `xen+tls://${address}/system`, '--tls-dir', hosts.tlsDir];
    const text = await hosts.a.run(...words);
    const json = await hosts.a.run(...words, '--json');
    expect([text.code, json.code], text.stderr + json.stderr).toEqual([0, 0]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      hostname: expect.stringContaining(String.raw`x\u001b[2J`) as string,
    });
    expectPrintable({ text: text.stdout, json: json.stdout });
  });
});

it('what stands in a definition is shown as what it is, and XML stays the same XML', { timeout: 60_000 }, async () => {
  const { a } = hosts;
  const title = 't\u202ee\u009b2J\u200b';
  const file = join(hosts.root, 'web1.xml');
  writeFileSync(file, guestXml({ name: 'web1', mib: 8 }).replace('<memory', `<title>${title}</title><memory`));
  await a.must('define', file);
  await a.must('start', 'web1');
  const list = await a.must('list', '--title');
  expect(list).toContain(String.raw`t\u202ee\u009b2J\u200b`);
  const json = await a.must('list', '--json');
  expect(JSON.parse(json)).toMatchObject([{ title }]);
  const xml = await a.must('dumpxml', 'web1');
  expect(xml).toContain('<title>t&#8238;e&#155;2J&#8203;</title>');
  const logs = await a.must('logs', 'web1');
  expectPrintable({ list, json, xml, logs });
});
