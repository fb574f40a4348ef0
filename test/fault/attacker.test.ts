import { randomBytes, randomUUID } from 'node:crypto';
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Request } from '../../src/control/messages.js';
import { codeOf } from '../../src/errors/message-of.js';
import { issueCertificate, revokeCertificate } from '../../src/pki/host-dir.js';
import { encodeHeader, FrameType } from '../../src/tunnel/frame.js';
import { loadTlsDir } from '../../src/tunnel/tls-credentials.js';
import {
  ACTING_TEXT,
  GROWING_ATTACKS,
  guestWith,
  NATIVE_ATTACKS,
  REACHING_ATTACKS,
  type Attack,
} from '../support/attacks.js';
import { a, b, faults, hosts, QUIET, useTwoHosts } from '../support/fault-rig.js';
import { guestXml, migrationResult } from '../support/hosts.js';
import { assertNeverTwice } from '../support/oracle.js';
import { personNamed } from '../support/person-certificate.js';
import { processTree, residentMiB } from '../support/process-tree.js';
import type { Running } from '../support/program.js';
import { outcomeOf, prepareOf, RawPeer, type Conversation } from '../support/raw-peer.js';

/** Arrivals of one peer, when the configuration says nothing. */
const ARRIVALS_OF_PEER = 4;
/** The daemon alone, whatever allowed peers do (SECURITY.md). */
const DAEMON_MIB = 300;
/** A process that restores a guest, with the lane that feeds it. */
const AGENT_MIB = 160;
/** Long enough for a busy machine; what these texts once took is minutes and hours. */
const ANSWER_MS = 20_000;
const BUSY_MACHINE = { timeout: 240_000 };

/** After the loss of its connections what the attacker has begun is to go soon, so that the test sees it go. */
const RECONNECT_MS = 2000;
/** All but a little of what the destination has. */
const ROOM_MIB = 15_000;

useTwoHosts();

let server: Running;
let evil: RawPeer;
let honest: RawPeer;
let idleTree: number;

const certificateOf = async (name: string): Promise<string> => {
  const out = join(hosts.root, name);
  await issueCertificate(hosts.caDir, { hosts: [name], out });
  return out;
};
const peerOf = async (name: string): Promise<RawPeer> => new RawPeer(loadTlsDir(await certificateOf(name)), b.address);
const pid = (): number => server.child.pid ?? 0;

beforeEach(async () => {
  server = await b.serveAllowed('--allow', 'evil.example', '--allow', 'honest.example');
  [evil, honest] = [await peerOf('evil.example'), await peerOf('honest.example')];
  idleTree = processTree(pid()).length;
});
afterEach(async () => {
  await evil[Symbol.asyncDispose]();
  await honest[Symbol.asyncDispose]();
});

/** Another host is answered meanwhile. */
async function expectResponsive(): Promise<void> {
  const unknown: Request = { type: 'status', migration: randomUUID(), epoch: 1, uuid: randomUUID(), name: 'web1' };
  const since = performance.now();
  expect(await honest.once(unknown)).toBe('outcome');
  expect(performance.now() - since).toBeLessThan(ANSWER_MS);
}

/** No guest, no half of one, no journal to be settled, and no process beside the daemon. */
async function expectNothingLeft(): Promise<void> {
  const names = async (): Promise<string[]> => (await b.list()).map(({ name }) => name);
  await expect.poll(names, { timeout: 20_000 }).toEqual([]);
  await expect.poll(() => b.openMigrations(), { timeout: 20_000 }).toEqual([]);
  await expect.poll(() => processTree(pid()).length, { timeout: 20_000 }).toBe(idleTree);
}

async function expectRefused(attacks: readonly Attack[]): Promise<void> {
  const wrong: string[] = [];
  for (const [title, code, make] of attacks) {
    const since = performance.now();
    const came = await evil.once(make());
    if (!code.test(came)) wrong.push(`${title}: ${came}`);
    if (performance.now() - since > ANSWER_MS) wrong.push(`${title}: took longer than ${ANSWER_MS} ms`);
  }
  expect(wrong).toEqual([]);
  await expectResponsive();
  await expectNothingLeft();
}

describe('an allowed host that would be root here', BUSY_MACHINE, () => {
  it('gains nothing by a configuration for the toolstack that is not the guest of the XML', async () => {
    expect(await evil.once(guestWith({}))).toBe('prepared');
    await expectRefused(NATIVE_ATTACKS);
  });

  it('names no file, program, device or address of the host', async () => {
    await expectRefused(REACHING_ATTACKS);
  });

  it('replaces no definition of a domain that it has not held', async () => {
    const uuid = randomUUID();
    const file = join(hosts.root, 'mine.xml');
    writeFileSync(file, guestXml({ name: 'mine', uuid }));
    await b.must('define', file);
    await b.must('autostart', 'mine');
    const before = await b.must('dumpxml', 'mine', '--inactive');
    for (const name of ['mine', 'other']) {
      const xml = guestXml({ name, uuid, mib: 64 });
      const sent = prepareOf({ name, uuid }, xml, { persist: { xml }, unsafe: true });
      expect(await evil.once(sent), name).toMatch(/^E_REFUSED_(?:DEFINITION|NAME_TAKEN|DOMAIN_EXISTS)$/);
    }
    expect(await b.must('dumpxml', 'mine', '--inactive')).toBe(before);
    await expectNothingLeft();
  });
});

describe('an allowed host that would wear the daemon out', BUSY_MACHINE, () => {
  it('is refused before its memory or time grows', async () => {
    await expectRefused(GROWING_ATTACKS);
    expect(residentMiB([pid()])).toBeLessThan(DAEMON_MIB);
  });

  it('100 prepares: as many arrivals as one peer may have, the others refused, and no process for any of them', async () => {
    const came: Record<string, number> = {};
    const open: Conversation[] = [];
    for (let n = 0; n < 10; n += 1) {
      const conversation = await evil.converse({}, 60_000);
      open.push(conversation);
      const asked = Array.from({ length: 10 }, (_, m) => namedGuest(`n${n}x${m}`));
      for (const said of await Promise.all(asked.map((request) => outcomeOf(conversation.ask(request))))) {
        came[said] = (came[said] ?? 0) + 1;
      }
    }
    expect(came).toEqual({ prepared: ARRIVALS_OF_PEER, E_REFUSED_BUSY: 100 - ARRIVALS_OF_PEER });
    expect(processTree(pid())).toHaveLength(idleTree);
    await expectResponsive();
    for (const { link } of open) await link.close();
    await expectNothingLeft();
  });

  it('holds a quarter of the connections, and leaves the others to others', async () => {
    for (let n = 0; n < 8; n += 1) await Promise.all(Array.from({ length: 25 }, () => evil.converse()));
    // Each kind alone stays within its own bound: the sum must not grow.
    const silent = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const link = await evil.link();
        return link.receive().then(() => 'ended', codeOf);
      }),
    );
    expect(silent.filter((code) => code === 'E_REFUSED_BUSY').length, silent.join()).toBeGreaterThan(0);
    let last = 'in';
    for (let n = 0; n < 100 && last === 'in'; n += 1) last = await evil.converse().then(() => 'in', codeOf);
    expect(last).toBe('E_REFUSED_BUSY');
    await expectResponsive();
    await evil[Symbol.asyncDispose]();
    await expectNothingLeft();
  });
});

describe('an allowed host that would deceive', BUSY_MACHINE, () => {
  it('reaches no terminal and forges no line, whatever text it fills', async () => {
    const names = { name: 'evil', uuid: randomUUID() };
    const about = { migration: randomUUID(), epoch: 1 };
    const error = { code: 'E_ABORTED', message: ACTING_TEXT, hint: ACTING_TEXT, data: { [ACTING_TEXT]: ACTING_TEXT } };
    const requests: Request[] = [
      { ...guestWith({}), dname: ACTING_TEXT },
      prepareOf(names, guestXml({ ...names, name: 'x\n\u202e' })),
      { type: 'status', ...about, uuid: randomUUID(), name: ACTING_TEXT },
      { type: 'cancel', ...about, error },
    ];
    for (const request of requests) await evil.once(request, { hostname: ACTING_TEXT, software: 'x\u001b[31m' });
    const { link, ask } = await evil.converse({ hostname: ACTING_TEXT }, 60_000);
    const sent = guestWith({ metadata: '<title>\u202ex</title>' });
    expect(await outcomeOf(ask(sent))).toBe('prepared');
    const listed = await b.must('recover', '--list');
    await outcomeOf(ask({ type: 'cancel', migration: sent.migration, epoch: 1, error }));
    await link.close();
    await expectNothingLeft();
    await b.stop();
    for (const text of [server.stderr, listed]) {
      expect(text).toContain('\\u001b[2J');
      expect(text).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
      expect(text.split('\n').filter((line) => /^\S* ?SIGHUP: cert/.test(line))).toEqual([]);
    }
  });

  it('a person’s certificate is no host’s, though its common name is one that is allowed', async () => {
    const person = await personNamed('honest.example', hosts.caDir);
    await using peer = new RawPeer(person, b.address);
    const said = await peer.converse().then(() => 'in', codeOf);
    expect(said).toBe('E_TUNNEL_CERT_NO_NAME');
    await expectNothingLeft();
  });

  it('a certificate that was revoked stays out when the list of revoked ones is removed', async () => {
    const crl = join(hosts.tlsDir, 'crl.pem');
    copyFileSync(revokeCertificate(hosts.caDir, 'evil.example').crl, crl);
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates read again/);
    const knock = (): Promise<string> => evil.converse().then(() => 'in', codeOf);
    expect(await knock()).toBe('E_TUNNEL_CERT_REVOKED');
    rmSync(crl);
    server.kill('SIGHUP');
    await server.saysOnStderr(/certificates and permissions stay as they are.*crl\.pem is missing/);
    expect(await knock()).toBe('E_TUNNEL_CERT_REVOKED');
    await expectResponsive();
    await expectNothingLeft();
  });

  it('cannot take part in a migration of another peer', async () => {
    const { link, ask } = await honest.converse({}, 60_000);
    const sent = namedGuest('theirs');
    const prepared = await ask(sent);
    if (prepared.type !== 'prepared') throw new Error(JSON.stringify(prepared));
    const { migration, epoch } = sent;
    const digest = { algorithm: 'sha256' as const, hex: '0'.repeat(64) };
    const words: Request[] = [
      { type: 'cancel', migration, epoch, error: { code: 'E_ABORTED', message: 'no' } },
      { type: 'finish', migration, epoch, rawBytes: 0, digest, run: true },
      { type: 'confirm', migration, epoch },
    ];
    for (const word of words) expect(await evil.once(word), word.type).toBe('E_PROTOCOL_NOT_YOURS');
    const lane = evil.open({ kind: 'lane', token: prepared.token, index: 0 });
    await expect(lane).rejects.toMatchObject({ code: 'E_PROTOCOL_TOKEN' });
    await link.close();
    await expectNothingLeft();
  });
});

function namedGuest(name: string, mib = 1): ReturnType<typeof prepareOf> {
  const uuid = randomUUID();
  return prepareOf({ name, uuid }, guestXml({ name, uuid, mib }));
}

/** Guests that are announced, get a first lane that brings what does not fit, and never come. */
async function comeAndNeverFinish(): Promise<void> {
  const { ask } = await evil.converse({}, RECONNECT_MS);
  const reply = await ask(namedGuest(`never${randomBytes(4).toString('hex')}`, 1024));
  if (reply.type !== 'prepared') return;
  const lane = await evil.open({ kind: 'lane', token: reply.token, index: 0 });
  await lane.send({ type: FrameType.DATA, sequence: 1, offset: 1000, payload: Buffer.alloc(500_000) });
}

/** Everything at once, again and again, until it is over. */
async function attackUntil(over: AbortSignal): Promise<Record<string, number>> {
  const done: Record<string, number> = {};
  const attacks = [...NATIVE_ATTACKS, ...REACHING_ATTACKS, ...GROWING_ATTACKS];
  const ways: Record<string, (n: number) => Promise<unknown>> = {
    prepares: (n) => evil.once(attacks[n % attacks.length][2]()),
    floods: async () => {
      const { link, ask } = await evil.converse();
      await Promise.allSettled(Array.from({ length: 40 }, (_, m) => ask(namedGuest(`flood${m}`))));
      link.destroy();
    },
    arrivals: comeAndNeverFinish,
    connections: () => evil.link(),
    conversations: () => evil.converse({ hostname: ACTING_TEXT }, RECONNECT_MS),
    'torn messages': async () => {
      const long = { type: FrameType.OPEN, sequence: 0, offset: 0, payload: Buffer.alloc(1024 * 1024) };
      (await evil.raw()).write(Buffer.concat([encodeHeader(long), randomBytes(64 * 1024)]));
    },
    noise: async () => {
      (await evil.raw()).write(randomBytes(64 * 1024));
    },
    guesses: () => evil.open({ kind: 'lane', token: randomBytes(32).toString('hex'), index: 0 }),
  };
  const loops = Object.entries(ways).map(async ([name, attack]) => {
    for (let n = 0; !over.aborted; n += 1) {
      await attack(n).catch(() => undefined); // it is refused: that is what is hoped for
      done[name] = n + 1;
    }
  });
  await Promise.all(loops);
  return done;
}

it('an honest migration continues while an allowed host attacks in every way at once, and nothing is left', async () => {
  await a.create(guestXml({ name: 'web1', workload: QUIET }));
  faults(a, { fault: 'save-write-slow', bytesPerSecond: 1_500_000, count: 1 });
  const tls = join(hosts.root, 'honest.example');
  const words = a
    .migrateWords('web1', b, '--reconnect-timeout', '60')
    .map((word) => (word === hosts.tlsDir ? tls : word));
  const since = performance.now();
  const moving = a.start(...words);
  await moving.saysOnStderr(/"phase":"perform"/);

  const over = new AbortController();
  const attacking = attackUntil(over.signal);
  let [peakMiB, daemonMiB, processes] = [0, 0, 0];
  const looking = setInterval(() => {
    const tree = processTree(pid());
    processes = Math.max(processes, tree.length);
    peakMiB = Math.max(peakMiB, residentMiB(tree));
    daemonMiB = Math.max(daemonMiB, residentMiB([pid()]));
  }, 200);
  const finished = await moving.finished;
  over.abort();
  const attacks = await attacking;
  clearInterval(looking);
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  process.stdout.write(
    `honest migration ${seconds} s; daemon ${daemonMiB} MiB, with its children ${peakMiB} MiB in ${processes} processes; ${JSON.stringify(attacks)}\n`,
  );
  expect(migrationResult(finished), finished.stderr).toMatchObject({ result: 'done', domain: 'web1' });
  expect(Object.values(attacks).every((count) => count > 0)).toBe(true);
  expect((await b.info('web1')).guest.bad).toBe(0);
  expect(await a.list()).toEqual([]);
  assertNeverTwice([a.dir, b.dir]);
  // Of the other, as many as one peer may have, and the honest one.
  expect(processes).toBeLessThanOrEqual(idleTree + ARRIVALS_OF_PEER + 1);
  expect(daemonMiB).toBeLessThan(DAEMON_MIB);
  expect(peakMiB).toBeLessThan(DAEMON_MIB + (ARRIVALS_OF_PEER + 1) * AGENT_MIB);

  await evil[Symbol.asyncDispose]();
  const quiet = { timeout: 120_000 };
  await expect.poll(() => processTree(pid()).length, quiet).toBe(idleTree);
  await expect.poll(() => b.openMigrations(), quiet).toEqual([]);
  const left = await b.list();
  expect(left.map(({ name, state }) => `${name} ${state}`)).toEqual(['web1 running']);
  // Nothing is promised to what has gone.
  const uuid = randomUUID();
  const large = prepareOf({ name: 'large', uuid }, guestXml({ name: 'large', uuid, mib: ROOM_MIB }));
  expect(await honest.once(large)).toBe('prepared');
  await expect.poll(() => b.openMigrations(), quiet).toEqual([]);
  expect(readdirSync(join(b.dir, 'domains')).filter((name) => /^\d+$/.test(name))).toHaveLength(1);
  expect(server.stderr.split('\n').length).toBeLessThan(2000);
}, 300_000);
