import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { messageOf } from '../../../src/errors/message-of.js';
import { initAuthority } from '../../../src/pki/authority-dir.js';
import { makeCredentials, type HostCredentials } from '../../support/credentials.js';
import { issueCertificate, revokeCertificate } from '../../../src/pki/host-dir.js';
import { FrameLink } from '../../../src/tunnel/frame-link.js';
import { LaneReceiver } from '../../../src/tunnel/lane-receiver.js';
import { LaneSender } from '../../../src/tunnel/lane-sender.js';
import type { Link } from '../../../src/tunnel/link.js';
import { loadTlsDir, type TlsCredentials } from '../../../src/tunnel/tls-credentials.js';
import { TlsDialer } from '../../../src/tunnel/tls-dialer.js';
import { TlsLink } from '../../../src/tunnel/tls-link.js';
import type { RefusedConnection } from '../../../src/tunnel/tls-gate.js';
import { listenTls, type TlsListener, type TlsListenerOptions } from '../../../src/tunnel/tls-listener.js';

const { signal } = new AbortController();
const LOCAL = '127.0.0.1';
const HOUR_MS = 3_600_000;

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

function fromHours(from: number, to: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() + from * HOUR_MS), notAfter: new Date(Date.now() + to * HOUR_MS) };
}

let server: HostCredentials;
let client: HostCredentials;
let stranger: HostCredentials;
const open: AsyncDisposable[] = [];
const raw: (Server | Socket)[] = [];

beforeAll(async () => {
  [server, client] = await makeCredentials({ hosts: [[LOCAL, 'localhost', 'server.example'], ['client.example']] });
  [stranger] = await makeCredentials({ hosts: [[LOCAL]], authorityName: 'another authority' });
});

afterEach(async () => {
  for (const socket of raw.splice(0)) {
    if ('close' in socket) socket.close();
    else socket.destroy();
  }
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

interface Listening {
  readonly listener: TlsListener;
  readonly port: number;
  readonly links: Link[];
  readonly refused: RefusedConnection[];
}

async function listening(
  credentials: TlsCredentials = server,
  more: Partial<TlsListenerOptions> = {},
): Promise<Listening> {
  const links: Link[] = [];
  const refused: RefusedConnection[] = [];
  const listener = await listenTls({
    host: LOCAL,
    port: 0,
    credentials,
    onLink: (link) => links.push(link),
    onRefused: (one) => refused.push(one),
    ...more,
  });
  open.push(listener, {
    [Symbol.asyncDispose]: async () => {
      for (const link of links) link.destroy();
    },
  });
  return { listener, port: listener.port, links, refused };
}

function dialer(port: number, credentials: TlsCredentials = client, host = LOCAL): TlsDialer {
  const made = new TlsDialer({ host, port, credentials });
  open.push(made);
  return made;
}

/** A TCP server of some other program. */
async function otherServer(onSocket: (socket: Socket) => void): Promise<number> {
  const other = createTcpServer((socket) => {
    raw.push(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  raw.push(other);
  other.listen(0, LOCAL);
  await once(other, 'listening');
  return (other.address() as AddressInfo).port;
}

async function openOver(link: Link): Promise<unknown> {
  const frames = new FrameLink(link);
  try {
    return await frames.open(Buffer.from('hello'), AbortSignal.timeout(5000));
  } catch (error) {
    return error;
  } finally {
    frames.destroy();
  }
}

describe('TLS between two hosts of one authority', () => {
  it('proves both to each other, and carries frames', async () => {
    const { port, links } = await listening();
    const link = await dialer(port).dial(signal);
    await eventually(() => {
      expect(links).toHaveLength(1);
    });
    expect(link.peer).toMatchObject({ transport: 'tls', name: LOCAL, address: `${LOCAL}:${port}` });
    expect(links[0].peer).toMatchObject({ transport: 'tls', name: 'client.example' });
    expect(link.peer.fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const near = new FrameLink(link);
    const far = new FrameLink(links[0]);
    const answered = near.open(Buffer.from('hello'), signal);
    expect(Buffer.from(await far.awaitOpen(signal)).toString()).toBe('hello');
    await far.answer(Buffer.from('welcome'));
    expect(Buffer.from(await answered).toString()).toBe('welcome');
    await Promise.all([near.close(), far.close()]);
    expect(near.failure).toBeUndefined();
    expect(far.failure).toBeUndefined();
  });

  it('is TLS 1.3 and nothing older', async () => {
    const { port, links, refused } = await listening();
    const link = await dialer(port).dial(signal);
    expect(link.duplex.getProtocol()).toBe('TLSv1.3');
    await eventually(() => {
      expect(links).toHaveLength(1);
    });
    link.destroy();
    const old = connectTls({ host: LOCAL, port, ...client, maxVersion: 'TLSv1.2', ALPNProtocols: ['xenferry/1'] });
    raw.push(old);
    await expect(once(old, 'secureConnect')).rejects.toThrow(/protocol version/i);
    await eventually(() => {
      expect(refused).toEqual([expect.objectContaining({ reason: code('E_TUNNEL_HANDSHAKE') })]);
    });
  });

  it.each([1, 2])('carries lanes: %d of them, byte for byte', async (count) => {
    const { port, links } = await listening();
    const dial = dialer(port);
    const near = await Promise.all(Array.from({ length: count }, async () => new FrameLink(await dial.dial(signal))));
    await eventually(() => {
      expect(links).toHaveLength(count);
    });
    const far = links.map((link) => new FrameLink(link));
    await Promise.all([
      ...near.map((link) => link.open(Buffer.from('lane'), signal)),
      ...far.map((link) => link.awaitOpen(signal).then(() => link.answer(Buffer.from('ok')))),
    ]);
    const receiver = new LaneReceiver({ windowBytes: 2 * 1024 * 1024 });
    for (const link of far) receiver.attach(link);
    const sender = new LaneSender(near, { windowBytes: 2 * 1024 * 1024 });
    const sent = createHash('sha256');
    const got = createHash('sha256');
    const reading = (async () => {
      for await (const chunk of receiver) got.update(chunk);
    })();
    for (let n = 0; n < 40; n += 1) {
      const chunk = randomBytes(300_000 + n);
      sent.update(chunk);
      await sender.write(chunk);
    }
    await sender.end();
    await reading;
    expect(got.digest('hex')).toBe(sent.digest('hex'));
    await Promise.all([sender.close(), receiver.close()]);
    expect([...near, ...far].map(({ failure }) => failure)).toEqual(Array.from({ length: 2 * count }, () => undefined));
  });

  it('F30: an end of the connection without a goodbye is an error', async () => {
    const { port, links } = await listening();
    const near = new FrameLink(await dialer(port).dial(signal));
    await eventually(() => {
      expect(links).toHaveLength(1);
    });
    const far = new FrameLink(links[0]);
    await Promise.all([
      near.open(Buffer.from('x'), signal),
      far.awaitOpen(signal).then(() => far.answer(Buffer.from('y'))),
    ]);
    links[0].duplex.end();
    await expect(near.receive(signal)).rejects.toEqual(code('E_TUNNEL_CUT'));
    await far.close();
  });

  it('knows a host by its pinned certificate, whatever its name', async () => {
    const [elsewhere] = await makeCredentials({ hosts: [['server.example']] });
    const { port } = await listening(elsewhere);
    const link = await new TlsDialer({
      host: LOCAL,
      port,
      credentials: elsewhere,
      expectedHost: 'server.example',
    }).dial(signal);
    const expectedFingerprint = link.peer.fingerprint ?? 'none';
    link.destroy();
    const options = { host: LOCAL, port, credentials: elsewhere };
    (await new TlsDialer({ ...options, expectedFingerprint }).dial(signal)).destroy();
    const wrong = `${expectedFingerprint.slice(0, -2)}${expectedFingerprint.endsWith('00') ? '01' : '00'}`;
    await expect(new TlsDialer({ ...options, expectedFingerprint: wrong }).dial(signal)).rejects.toEqual(
      code('E_TUNNEL_CERT_WRONG_HOST'),
    );
  });
});

describe('a server turns away', () => {
  async function turnedAway(credentials: Partial<TlsCredentials>, at: Listening): Promise<unknown> {
    const socket = connectTls({
      host: LOCAL,
      port: at.port,
      ca: server.ca,
      ...(credentials.cert === undefined ? {} : { cert: credentials.cert, key: credentials.key }),
      ALPNProtocols: ['xenferry/1'],
    });
    raw.push(socket);
    await once(socket, 'secureConnect');
    const link = new TlsLink(socket, { transport: 'tls', name: 'server', address: 'server' });
    const answer = await openOver(link);
    await eventually(() => {
      expect(at.refused).toHaveLength(1);
    });
    expect(at.links).toHaveLength(0);
    await eventually(() => {
      expect(at.listener.connections).toEqual({ halfOpen: 0, total: 0 });
    });
    return answer;
  }

  it('F24: a client without a certificate, and tells it so', async () => {
    const at = await listening();
    const answer = await turnedAway({}, at);
    expect(answer).toEqual(code('E_TUNNEL_CERT_REQUIRED'));
    expect(answer).toHaveProperty('hint', expect.stringContaining('xenferry pki issue'));
    expect(at.refused[0]).toMatchObject({
      address: expect.stringContaining(LOCAL) as string,
      reason: code('E_TUNNEL_CERT_REQUIRED'),
    });
  });

  it('F27: a client of another authority', async () => {
    const at = await listening();
    expect(await turnedAway(stranger, at)).toEqual(code('E_TUNNEL_CERT_UNTRUSTED'));
    expect(at.refused[0].subject).toBe(LOCAL);
    expect(at.refused[0].reason.message).toContain('another authority');
  });

  it.each([
    ['F28: expired', -3, 'E_TUNNEL_CERT_EXPIRED'],
    ['not valid yet', 1, 'E_TUNNEL_CERT_NOT_YET_VALID'],
  ])('a client whose certificate is %s', async (_, fromDay, expected) => {
    const caDir = mkdtempSync(join(tmpdir(), 'xenferry-tls-'));
    try {
      // Both sides trust one authority that is good all the time; only the client's certificate is not.
      const day = 24 * HOUR_MS;
      await initAuthority(join(caDir, 'ca'), { days: 9, now: new Date(Date.now() - 5 * day) });
      await issueCertificate(join(caDir, 'ca'), { hosts: [LOCAL], out: join(caDir, 'server') });
      const now = new Date(Date.now() + fromDay * day);
      await issueCertificate(join(caDir, 'ca'), { hosts: ['late.example'], out: join(caDir, 'client'), days: 1, now });
      const good = loadTlsDir(join(caDir, 'server'));
      const at = await listening(good);
      const socket = connectTls({
        host: LOCAL,
        port: at.port,
        ca: good.ca,
        cert: readFileSync(join(caDir, 'client', 'cert.pem')),
        key: readFileSync(join(caDir, 'client', 'key.pem')),
        ALPNProtocols: ['xenferry/1'],
      });
      raw.push(socket);
      await once(socket, 'secureConnect');
      expect(await openOver(new TlsLink(socket, { transport: 'tls', name: 's', address: 's' }))).toEqual(
        code(expected),
      );
      expect(at.refused[0]).toMatchObject({ subject: 'late.example', reason: code(expected) });
      expect(at.links).toHaveLength(0);
    } finally {
      rmSync(caDir, { recursive: true });
    }
  });

  it('a revoked client, from the moment that the list is loaded; a revoked server, too', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'xenferry-tls-'));
    try {
      const ca = join(dir, 'ca');
      await initAuthority(ca);
      for (const name of ['server', 'good', 'bad']) {
        await issueCertificate(ca, { hosts: name === 'server' ? [LOCAL] : [`${name}.example`], out: join(dir, name) });
      }
      const bad = loadTlsDir(join(dir, 'bad'));
      const at = await listening(loadTlsDir(join(dir, 'server')));
      const before = await dialer(at.port, bad).dial(signal);
      await eventually(() => {
        expect(at.links).toHaveLength(1);
      });
      before.destroy();

      const { crl } = revokeCertificate(ca, 'bad.example');
      at.listener.setCredentials({ ...loadTlsDir(join(dir, 'server')), crl: readFileSync(crl, 'utf8') });
      expect(await openOver(await dialer(at.port, bad).dial(signal))).toEqual(code('E_TUNNEL_CERT_REVOKED'));
      expect(at.refused).toEqual([
        expect.objectContaining({ subject: 'bad.example', reason: code('E_TUNNEL_CERT_REVOKED') }),
      ]);
      const good = await dialer(at.port, loadTlsDir(join(dir, 'good'))).dial(signal);
      await eventually(() => {
        expect(at.links).toHaveLength(2);
      });
      good.destroy();

      revokeCertificate(ca, join(dir, 'server'));
      const warned = { ...loadTlsDir(join(dir, 'good')), crl: readFileSync(crl, 'utf8') };
      await expect(dialer(at.port, warned).dial(signal)).rejects.toEqual(code('E_TUNNEL_CERT_REVOKED'));

      // A list that says nothing of this authority's certificates lets none of them through.
      const foreign = join(dir, 'foreign');
      await initAuthority(foreign);
      await issueCertificate(foreign, { hosts: ['x.example'], out: join(dir, 'x') });
      const { crl: other } = revokeCertificate(foreign, 'x.example');
      const unsure = { ...loadTlsDir(join(dir, 'good')), crl: readFileSync(other, 'utf8') };
      await expect(dialer(at.port, unsure).dial(signal)).rejects.toEqual(code('E_TUNNEL_CERT_CRL'));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('a client that stops in its handshake', async () => {
    const at = await listening(server, { handshakeMs: 30 });
    const silent = connectTcp(at.port, LOCAL);
    raw.push(silent);
    await once(silent, 'close');
    await eventually(() => {
      expect(at.refused).toEqual([expect.objectContaining({ reason: code('E_TUNNEL_HANDSHAKE') })]);
    });
    await eventually(() => {
      expect(at.listener.connections).toEqual({ halfOpen: 0, total: 0 });
    });
  });

  it('more handshakes than the bound: the oldest is closed, and a host with a certificate is accepted', async () => {
    const at = await listening(server, { maxHalfOpen: 2 });
    const silent = [connectTcp(at.port, LOCAL), connectTcp(at.port, LOCAL)];
    raw.push(...silent);
    await eventually(() => {
      expect(at.listener.connections.halfOpen).toBe(2);
    });
    const [oldest] = silent;
    const closed = once(oldest, 'close');
    const link = await dialer(at.port).dial(signal);
    await closed;
    expect(at.refused).toEqual([expect.objectContaining({ reason: code('E_TUNNEL_BUSY') })]);
    await eventually(() => {
      expect(at.listener.connections).toEqual({ halfOpen: 1, total: 2 });
    });
    link.destroy();
  });

  it('a flood of half-open connections: memory stays bounded, and others get in all the while', async () => {
    const at = await listening(server, { maxHalfOpen: 16 });
    const links: { destroy: () => void }[] = [];
    for (let wave = 0; wave < 10; wave += 1) {
      for (let n = 0; n < 100; n += 1) {
        const silent = connectTcp(at.port, LOCAL);
        silent.on('error', () => undefined);
        raw.push(silent);
        await once(silent, 'connect');
      }
      links.push(await dialer(at.port).dial(signal));
      expect(at.listener.connections.halfOpen).toBeLessThanOrEqual(16);
    }
    await eventually(() => {
      expect(at.links).toHaveLength(10);
    });
    for (const link of links) link.destroy();
  });

  it('slow-loris: a client that sends its hello byte by byte gets no more time than others', async () => {
    const at = await listening(server, { handshakeMs: 200 });
    const slow = connectTcp(at.port, LOCAL);
    raw.push(slow);
    slow.on('error', () => undefined);
    const hello = Buffer.from('1603010200010001fc0303', 'hex');
    let sent = 0;
    const drip = setInterval(() => {
      if (sent < hello.length && !slow.destroyed) slow.write(hello.subarray(sent, (sent += 1)));
    }, 30);
    await once(slow, 'close');
    clearInterval(drip);
    expect(sent).toBeLessThan(hello.length);
    expect(at.refused).toEqual([expect.objectContaining({ reason: code('E_TUNNEL_HANDSHAKE') })]);
  });

  it('more connections than it can bear, until one goes', async () => {
    const at = await listening(server, { maxConnections: 1 });
    const first = await dialer(at.port).dial(signal);
    await eventually(() => {
      expect(at.links).toHaveLength(1);
    });
    await expect(dialer(at.port).dial(signal)).rejects.toMatchObject({
      code: expect.stringMatching(/^E_TUNNEL_/) as string,
    });
    first.destroy();
    await eventually(() => {
      expect(at.listener.connections.total).toBe(0);
    });
    (await dialer(at.port).dial(signal)).destroy();
  });

  it('F32: a client that speaks in the clear: it gets no byte of ours, and nobody reads its', async () => {
    const at = await listening();
    const plain = connectTcp(at.port, LOCAL);
    raw.push(plain);
    plain.on('error', () => undefined);
    const got: Buffer[] = [];
    plain.on('data', (chunk: Buffer) => got.push(chunk));
    plain.write(Buffer.alloc(4096, 'guest memory '));
    await once(plain, 'close');
    expect(Buffer.concat(got).length).toBeLessThanOrEqual(7); // a TLS alert at most
    expect(at.links).toHaveLength(0);
    await eventually(() => {
      expect(at.refused).toEqual([expect.objectContaining({ reason: code('E_TUNNEL_HANDSHAKE') })]);
    });
  });

  it('F22: says when its port is taken', async () => {
    const port = await otherServer(() => undefined);
    await expect(
      listenTls({ host: LOCAL, port, credentials: server, onLink: () => undefined, onRefused: () => undefined }),
    ).rejects.toMatchObject({ code: 'E_TUNNEL_LISTEN', hint: expect.stringContaining(`:${port}`) as string });
  });

  it('F23: frees its port when closed, with links still open', async () => {
    const first = await listening();
    const link = await dialer(first.port).dial(signal);
    await eventually(() => {
      expect(first.links).toHaveLength(1);
    });
    await first.listener.close();
    const second = await listening(server, { port: first.port });
    (await dialer(second.port).dial(signal)).destroy();
    link.destroy();
  });

  it('its own damaged credentials', async () => {
    const damaged = { ...server, key: stranger.key };
    await expect(listening(damaged)).rejects.toEqual(code('E_TUNNEL_CREDENTIALS'));
  });
});

describe('a dialler turns away', () => {
  it('F27: a server of another authority, by name', async () => {
    const { port } = await listening(stranger);
    await expect(dialer(port).dial(signal)).rejects.toMatchObject({
      code: 'E_TUNNEL_CERT_UNTRUSTED',
      message: expect.stringMatching(new RegExp(`${LOCAL}:${port}.*another authority`)) as string,
      hint: expect.stringContaining('xenferry pki') as string,
    });
  });

  it('F26: a server that is good for other hosts, and says for which', async () => {
    const [named, us] = await makeCredentials({ hosts: [['xen2.example', '192.0.2.9'], ['us.example']] });
    const { port } = await listening(named);
    await expect(dialer(port, us).dial(signal)).rejects.toMatchObject({
      code: 'E_TUNNEL_CERT_WRONG_HOST',
      message: expect.stringMatching(/xen2\.example, 192\.0\.2\.9/) as string,
    });
  });

  it.each([
    ['F28: expired', -2, -1, 'E_TUNNEL_CERT_EXPIRED'],
    ['not valid yet', 1, 2, 'E_TUNNEL_CERT_NOT_YET_VALID'],
  ])('a server whose certificate is %s', async (_, from, to, expected) => {
    const [bad] = await makeCredentials({ hosts: [[LOCAL]], validity: fromHours(from, to) });
    const { port } = await listening(bad);
    await expect(dialer(port, bad).dial(signal)).rejects.toEqual(code(expected));
  });

  it('F28: a certificate that ends during a run: the link lives on, a new one does not', async () => {
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000);
    const [brief] = await makeCredentials({
      hosts: [[LOCAL]],
      validity: { notBefore: fromHours(-1, 0).notBefore, notAfter },
    });
    const { port, links } = await listening(brief);
    const near = new FrameLink(await dialer(port, brief).dial(signal));
    await eventually(() => {
      expect(links).toHaveLength(1);
    });
    const far = new FrameLink(links[0]);
    await Promise.all([
      near.open(Buffer.from('x'), signal),
      far.awaitOpen(signal).then(() => far.answer(Buffer.from('y'))),
    ]);
    await eventually(async () => {
      const dialled = await dialer(port, brief)
        .dial(signal)
        .catch((error: unknown) => error);
      if (dialled instanceof TlsLink) dialled.destroy();
      expect(dialled).toEqual(code('E_TUNNEL_CERT_EXPIRED'));
    });
    await near.send({ type: 2, sequence: 0, offset: 0, payload: Buffer.from('still here') });
    expect((await far.receive(signal))?.payload.toString()).toBe('still here');
    await Promise.all([near.close(), far.close()]);
  });

  it('F25: a server without a certificate', async () => {
    const bare = createTlsServer({ minVersion: 'TLSv1.3' });
    raw.push(bare);
    bare.on('tlsClientError', (_, socket) => socket.destroy());
    bare.listen(0, LOCAL);
    await once(bare, 'listening');
    await expect(dialer((bare.address() as AddressInfo).port).dial(signal)).rejects.toEqual(code('E_TUNNEL_HANDSHAKE'));
  });

  it('F22: another program with a good certificate', async () => {
    const other = createTlsServer({ ...server }, (socket) => raw.push(socket));
    raw.push(other);
    other.listen(0, LOCAL);
    await once(other, 'listening');
    await expect(dialer((other.address() as AddressInfo).port).dial(signal)).rejects.toEqual(
      code('E_TUNNEL_NOT_XENFERRY'),
    );
  });

  it('F32: a server that speaks in the clear: it sees a TLS hello and nothing else', async () => {
    const seen: Buffer[] = [];
    const port = await otherServer((socket) => {
      socket.on('data', (chunk: Buffer) => seen.push(chunk));
      socket.write('SSH-2.0-OpenSSH_9.2\r\n');
    });
    await expect(dialer(port).dial(signal)).rejects.toEqual(code('E_TUNNEL_NOT_XENFERRY'));
    const bytes = Buffer.concat(seen);
    if (bytes.length > 0) expect(bytes[0]).toBe(0x16); // a TLS handshake record
  });

  it('F22: a server that ends at once', async () => {
    const port = await otherServer((socket) => socket.destroy());
    await expect(dialer(port).dial(signal)).rejects.toEqual(code('E_TUNNEL_HANDSHAKE'));
  });

  it('a server that never finishes the handshake, at the deadline', async () => {
    const port = await otherServer(() => undefined);
    const dial = new TlsDialer({ host: LOCAL, port, credentials: client, connectMs: 30 });
    await expect(dial.dial(signal)).rejects.toEqual(code('E_TUNNEL_HANDSHAKE'));
  });

  it('a port where nobody listens', async () => {
    const { listener, port } = await listening();
    await listener.close();
    const error = await dialer(port)
      .dial(signal)
      .catch((thrown: unknown) => thrown);
    expect(error).toEqual(code('E_TUNNEL_UNREACHABLE'));
    expect(messageOf(error)).toContain('ECONNREFUSED');
  });

  it('whatever it is doing, when the signal fires', async () => {
    const port = await otherServer(() => undefined);
    const stop = new AbortController();
    const dialling = dialer(port).dial(stop.signal);
    const reason = new Error('changed our mind');
    stop.abort(reason);
    await expect(dialling).rejects.toBe(reason);
    await expect(dialer(port).dial(stop.signal)).rejects.toBe(reason);
  });

  it('whatever it is doing, when it is disposed', async () => {
    const port = await otherServer(() => undefined);
    const dial = dialer(port);
    const dialling = expect(dial.dial(signal)).rejects.toEqual(code('E_TUNNEL_CLOSED'));
    await dial[Symbol.asyncDispose]();
    await dialling;
  });
});
