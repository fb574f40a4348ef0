import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import koffi from '../../src/posix/koffi.js';
import { duplicateFd } from '../../src/posix/libc.js';
import { libssl, type Libssl, type Pointer } from '../../src/posix/tls/libssl.js';
import { TlsContext } from '../../src/posix/tls/tls-context.js';
import { FrameType, bareFrame, encodeHeader, type Frame } from '../../src/tunnel/frame.js';
import type { FramedLink } from '../../src/tunnel/lane-link.js';
import { LaneReceiver } from '../../src/tunnel/lane-receiver.js';
import { LaneSender } from '../../src/tunnel/lane-sender.js';
import { LinkThreads } from '../../src/tunnel/threads/link-threads.js';
import { takeDescriptor } from '../../src/tunnel/threads/moved-socket.js';
import type { ThreadKind } from '../../src/tunnel/threads/thread-start.js';
import { ALPN, CIPHERS } from '../../src/tunnel/tls-names.js';
import { makeCredentials, type HostCredentials } from '../support/credentials.js';
import { eventually } from '../support/eventually.js';
import { LaneDialler, LanePort, digestOf, openLane } from '../support/lane-ends.js';

const LOCAL = '127.0.0.1';
const MIB = 1024 * 1024;
const MEMORY_MIB = 200;
const never = new AbortController().signal;

let server: HostCredentials;
let hostile: HostCredentials;
let honest: HostCredentials;
const open: (AsyncDisposable | Disposable)[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  [server, hostile, honest] = await makeCredentials({ hosts: [[LOCAL], ['hostile.example'], ['honest.example']] });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const one of open.splice(0).reverse()) {
    if (Symbol.asyncDispose in one) await one[Symbol.asyncDispose]();
    else one[Symbol.dispose]();
  }
});

function code(expected: string | RegExp): object {
  return expect.objectContaining({ code: expect.stringMatching(expected) as string }) as object;
}

/** All in one thread, so that what one link suffers the others could feel. */
async function port(kind: ThreadKind): Promise<LanePort> {
  const made = await LanePort.open(new LinkThreads(1, duplicateFd, kind), server);
  open.push(made);
  return made;
}

const bytesOf = (frame: Frame): Buffer => Buffer.concat([encodeHeader(frame), frame.payload]);
const OPEN = bytesOf({ type: FrameType.OPEN, sequence: 0, offset: 0, payload: Buffer.from('hello') });

/** A peer with a good certificate, below frames; and the other end of its connection. */
async function peer(at: LanePort, more = {}): Promise<{ socket: TLSSocket; tcp: Socket; far: FramedLink }> {
  const tcp = connectTcp(at.port, LOCAL).on('error', () => undefined);
  const after = at.links.length;
  const socket = connectTls({
    socket: tcp,
    ...hostile,
    ALPNProtocols: [ALPN],
    checkServerIdentity: () => undefined,
    ...more,
  });
  sockets.push(
    socket.on('error', () => undefined),
    tcp,
  );
  await once(socket, 'secureConnect');
  return { socket, tcp, far: await at.link(after) };
}

/** The same, with its OPEN answered. */
async function openPeer(at: LanePort, more = {}): Promise<{ socket: TLSSocket; tcp: Socket; far: FramedLink }> {
  const made = await peer(at, more);
  made.socket.write(OPEN);
  await made.far.awaitOpen(never);
  await made.far.answer(Buffer.from('welcome'));
  return made;
}

/** A transfer of an honest peer to the same thread. @returns whether each byte came */
async function honestTransfer(at: LanePort, kind: ThreadKind, mib: number): Promise<boolean> {
  using from = new LaneDialler(kind, honest);
  const lane = await openLane(from, at);
  const receiver = new LaneReceiver();
  receiver.attach(lane.far);
  const sender = new LaneSender([lane.near]);
  const got = digestOf(receiver);
  const hash = createHash('sha256');
  for (let n = 0; n < mib; n += 1) {
    const chunk = randomBytes(MIB);
    hash.update(chunk);
    await sender.write(chunk);
  }
  await sender.end();
  await Promise.all([sender.close(), receiver.close()]);
  return (await got) === hash.digest('hex');
}

type Update = (ssl: Pointer, kind: number) => number;

/** A client that can say in TLS what Node cannot. */
class OddClient implements Disposable {
  readonly #update: Update;

  private constructor(
    private readonly lib: Libssl,
    private readonly ssl: Pointer,
    private readonly socket: Socket,
  ) {
    this.#update = koffi.load(null).func('int SSL_key_update(void *ssl, int kind)') as Update;
  }

  static async connect(at: LanePort): Promise<OddClient> {
    const lib = libssl();
    if (lib === undefined) throw new Error('no libssl');
    const socket = connectTcp(at.port, LOCAL);
    socket.pause();
    await once(socket, 'connect');
    const fd = takeDescriptor(socket, duplicateFd);
    using context = new TlsContext(lib, { role: 'client', ...hostile, ciphers: CIPHERS, alpn: ALPN });
    const ssl = lib.SSL_new(context.pointer);
    if (ssl === null || fd === undefined) throw new Error('no session');
    lib.SSL_set_fd(ssl, fd);
    lib.SSL_set_connect_state(ssl);
    const client = new OddClient(lib, ssl, socket);
    await client.until(() => lib.SSL_do_handshake(ssl) === 1);
    return client;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.until(() => this.lib.SSL_write(this.ssl, bytes, bytes.length) === bytes.length);
  }

  /** A message of TLS without data, which asks for another. False once the connection is gone. */
  async updateKeys(): Promise<boolean> {
    this.lib.ERR_clear_error();
    if (this.#update(this.ssl, 1) !== 1) return false;
    const fails = 5000;
    for (let n = 0; n < fails; n += 1) {
      if (this.lib.SSL_do_handshake(this.ssl) === 1) return true;
      if (![2, 3].includes(this.lib.SSL_get_error(this.ssl, -1))) return false;
      await turn();
    }
    return false;
  }

  async until(done: () => boolean): Promise<void> {
    await eventually(() => {
      this.lib.ERR_clear_error();
      if (!done()) throw new Error('not yet');
    });
  }

  [Symbol.dispose](): void {
    this.lib.SSL_free(this.ssl);
    this.socket.destroy();
  }
}

describe.each(['libssl', 'node'] as const)('a peer with a good certificate, at a lane of %s', (kind) => {
  it('sends records of every size: each byte comes, once', async () => {
    const at = await port(kind);
    const { socket, far } = await peer(at);
    socket.setMaxSendFragment(512);
    for (const byte of OPEN) socket.write(Buffer.from([byte])); // a record each
    await far.awaitOpen(never);
    await far.answer(Buffer.from('welcome'));
    const payloads = [1, 31, 32, 33, 511, 512, 513, 16_383, 16_384, 16_385, 300_001].map((size) => randomBytes(size));
    let offset = 0;
    for (const [sequence, payload] of payloads.entries()) {
      const bytes = bytesOf({ type: FrameType.DATA, sequence, offset, payload });
      offset += payload.length;
      const cut = sequence % 40;
      socket.write(bytes.subarray(0, cut));
      socket.write(bytes.subarray(cut));
    }
    for (const payload of payloads) {
      const frame = await far.receive();
      expect(Buffer.from(frame?.payload ?? []).equals(payload)).toBe(true);
    }
  });

  it('F30: closes its half without a goodbye, between frames or in one; or resets', async () => {
    const at = await port(kind);
    const between = await openPeer(at);
    between.socket.end();
    await expect(between.far.receive()).rejects.toMatchObject({ code: 'E_TUNNEL_CUT' });
    const inside = await openPeer(at);
    inside.socket.end(
      bytesOf({ type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.alloc(9999) }).subarray(0, 50),
    );
    await expect(inside.far.receive()).rejects.toMatchObject({
      code: 'E_TUNNEL_CUT',
      message: expect.stringContaining('in the middle of a frame') as string,
    });
    const reset = await openPeer(at);
    reset.tcp.resetAndDestroy();
    await expect(reset.far.receive()).rejects.toEqual(code(/^E_TUNNEL_(CUT|LOST)$/));
    await eventually(() => {
      expect(at.listener.connections).toEqual({ halfOpen: 0, total: 0 });
    });
  });

  it('goes on after its goodbye: nothing of that is read', async () => {
    const at = await port(kind);
    const { socket, far } = await openPeer(at);
    const late = bytesOf({ type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.alloc(100_000) });
    socket.end(Buffer.concat([bytesOf(bareFrame(FrameType.BYE)), late]));
    expect(await far.receive()).toBeUndefined();
    await far.close();
    expect(far.failure).toBeUndefined();
  });

  it('F19 F32: writes past TLS, or what is no frame, or one that may not be', async () => {
    const at = await port(kind);
    const clear = await openPeer(at);
    clear.tcp.write(Buffer.alloc(4096, 'guest memory '));
    await expect(clear.far.receive()).rejects.toEqual(code('E_TUNNEL_LOST'));
    const garbage = await openPeer(at);
    garbage.socket.write(Buffer.alloc(32, 'x'));
    await expect(garbage.far.receive()).rejects.toEqual(code('E_PROTOCOL_FRAME_HEADER'));
    const first = await peer(at);
    first.socket.write(bytesOf({ type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.alloc(10) }));
    await expect(first.far.awaitOpen(never)).rejects.toEqual(code('E_PROTOCOL_FRAME_ORDER'));
    const twice = await openPeer(at);
    twice.socket.write(OPEN);
    await expect(twice.far.receive()).rejects.toEqual(code('E_PROTOCOL_FRAME_ORDER'));
    expect(await honestTransfer(at, kind, 2)).toBe(true);
  });

  it('never ends its frames, and never reads: others go on, memory stays bounded', async () => {
    const at = await port(kind);
    const before = process.memoryUsage.rss();
    const header = encodeHeader({ type: FrameType.DATA, sequence: 0, offset: 0, payload: Buffer.alloc(4 * MIB) });
    const pings = Buffer.concat(Array.from({ length: 2000 }, (_, n) => bytesOf(bareFrame(FrameType.PING, n))));
    for (let n = 0; n < 8; n += 1) {
      const unending = await openPeer(at);
      unending.socket.write(Buffer.concat([header, Buffer.alloc(1000)]));
      const deaf = await openPeer(at);
      deaf.socket.pause();
      for (let wave = 0; wave < 10; wave += 1) deaf.socket.write(pings);
    }
    expect(await honestTransfer(at, kind, 16)).toBe(true);
    expect((process.memoryUsage.rss() - before) / MIB).toBeLessThan(MEMORY_MIB);
  });

  it('sends messages of TLS without data, without end: others go on, and it is heard', async () => {
    const at = await port(kind);
    using odd = await OddClient.connect(at);
    await odd.write(OPEN);
    const far = await at.answered();
    const state = { over: false };
    let updates = 0;
    const flood = (async () => {
      while (!state.over && (await odd.updateKeys())) {
        updates += 1;
        if (updates % 100 === 0) await turn();
      }
    })();
    expect(await honestTransfer(at, kind, 16)).toBe(true);
    await eventually(() => {
      expect(updates).toBeGreaterThan(500);
    });
    state.over = true;
    await flood;
    await odd.write(bytesOf({ type: FrameType.MESSAGE, sequence: 0, offset: 0, payload: Buffer.from('still here') }));
    expect(Buffer.from((await far.receive())?.payload ?? []).toString()).toBe('still here');
  });

  it('asks for older versions, or to take a session up again: neither is had', async () => {
    const at = await port(kind);
    const tickets: Buffer[] = [];
    const first = await openPeer(at);
    first.socket.on('session', (ticket: Buffer) => tickets.push(ticket));
    const session = first.socket.getSession();
    first.socket.write(bytesOf(bareFrame(FrameType.PING, 1)));
    await once(first.socket, 'data');
    if (kind === 'libssl') expect(tickets).toEqual([]);
    const again = await openPeer(at, { session: tickets[0] ?? session }).catch((error: unknown) => error);
    if (!(again instanceof Error)) expect((again as { socket: TLSSocket }).socket.isSessionReused()).toBe(false);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.1'] as const) {
      await expect(peer(at, { maxVersion, minVersion: 'TLSv1' })).rejects.toThrow(
        /protocol version|unsupported protocol|no protocols/i,
      );
    }
  });
});
