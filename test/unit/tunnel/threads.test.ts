import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { makeCredentials } from '../../support/credentials.js';
import { duplicateFd } from '../../../src/posix/libc.js';
import type { FramedLink } from '../../../src/tunnel/lane-link.js';
import { LaneReceiver } from '../../../src/tunnel/lane-receiver.js';
import { LaneSender } from '../../../src/tunnel/lane-sender.js';
import { LinkThreads } from '../../../src/tunnel/threads/link-threads.js';
import { SlotPool } from '../../../src/buffers/slot-pool.js';
import { laneThreads } from '../../../src/migration/connect/lane-threads.js';
import { PayloadSlots } from '../../../src/tunnel/payload-slots.js';
import type { TlsCredentials } from '../../../src/tunnel/tls-credentials.js';
import { TlsDialer } from '../../../src/tunnel/tls-dialer.js';
import type { RefusedConnection } from '../../../src/tunnel/tls-gate.js';
import { listenTls, type TlsListener } from '../../../src/tunnel/tls-listener.js';

const LOCAL = '127.0.0.1';
const MIB = 1024 * 1024;
const signal = AbortSignal.timeout(60_000);

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

describe('memory for payloads', () => {
  it('is made once and used again, as far as it may be kept', () => {
    let made = 0;
    const pool = new SlotPool((bytes) => {
      made += 1;
      return new ArrayBuffer(bytes);
    }, 2 * MIB);
    const [first, second, third] = [pool.take(MIB), pool.take(MIB - 5), pool.take(MIB)];
    expect(second).toHaveLength(MIB - 5);
    for (const { buffer } of [first, second, third]) if (pool.has(buffer)) pool.give(buffer);
    expect(pool.freeBytes).toBe(2 * MIB);
    expect(pool.has(first.buffer)).toBe(false);
    pool.giveBack(first); // a second time, or what is nobody's: neither is used twice
    pool.giveBack(Buffer.alloc(MIB));
    expect(pool.freeBytes).toBe(2 * MIB);
    pool.giveBack(pool.take(MIB).subarray(10, 20));
    expect(pool.freeBytes).toBe(2 * MIB);
    pool.take(MIB);
    pool.take(600_000);
    expect(made).toBe(3);
    expect(pool.freeBytes).toBe(0);
  });
});

describe('links that live in threads', () => {
  let credentials: TlsCredentials;
  let strangers: TlsCredentials;
  let near: LinkThreads;
  let far: LinkThreads;
  let listener: TlsListener;
  const links: FramedLink[] = [];
  const refused: RefusedConnection[] = [];

  beforeAll(async () => {
    [credentials] = await makeCredentials({ hosts: [[LOCAL]] });
    [strangers] = await makeCredentials({ hosts: [[LOCAL]] });
    near = new LinkThreads(2, duplicateFd);
    far = new LinkThreads(2, duplicateFd);
    listener = await listenTls({
      host: LOCAL,
      port: 0,
      credentials,
      onLink: () => {
        throw new Error('a link outside of the threads');
      },
      threads: { pool: far, onLink: (link) => links.push(link) },
      onRefused: (one) => refused.push(one),
    });
  });
  afterAll(async () => {
    await listener.close();
    near[Symbol.dispose]();
    far[Symbol.dispose]();
  });
  afterEach(() => {
    for (const link of links.splice(0)) link.destroy();
    refused.length = 0;
  });

  function dialer(threads: LinkThreads | undefined = near, own = credentials): TlsDialer {
    return new TlsDialer(
      { host: LOCAL, port: listener.port, credentials: { ...own, ca: credentials.ca } },
      threads.openLink,
    );
  }

  /** A lane whose OPEN has been exchanged, and its far end. */
  async function lane(): Promise<{ near: FramedLink; far: FramedLink }> {
    const before = links.length;
    const link = await dialer().dialLane(signal);
    const opened = link.open(Buffer.from('hello'), signal);
    await eventually(() => {
      expect(links.length).toBeGreaterThan(before);
    });
    const other = links[before];
    expect(Buffer.from(await other.awaitOpen(signal)).toString()).toBe('hello');
    await other.answer(Buffer.from('welcome'));
    expect(Buffer.from(await opened).toString()).toBe('welcome');
    return { near: link, far: other };
  }

  async function digestOf(receiver: LaneReceiver): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of receiver) hash.update(chunk);
    return hash.digest('hex');
  }

  it('carry a transfer, over several lanes, each byte once', async () => {
    const receiver = new LaneReceiver();
    const near = [];
    for (let index = 0; index < 3; index += 1) {
      const pair = await lane();
      near.push(pair.near);
      receiver.attach(pair.far, index);
    }
    const sender = new LaneSender(near);
    const got = digestOf(receiver);
    const hash = createHash('sha256');
    for (let n = 0; n < 200; n += 1) {
      const chunk = randomBytes(1 + ((n * 77_777) % 400_000));
      hash.update(chunk);
      await sender.write(chunk);
    }
    const { rawBytes, wireBytes } = await sender.end();
    expect(await got).toBe(hash.digest('hex'));
    expect(wireBytes).toBeGreaterThan(rawBytes);
    await Promise.all([sender.close(), receiver.close()]);
    await eventually(() => {
      expect(listener.connections).toEqual({ halfOpen: 0, total: 0 });
    });
  });

  it('holds a sender back behind a slow consumer, and no memory beyond the window', async () => {
    const { near, far } = await lane();
    const receiver = new LaneReceiver({ windowBytes: 4 * MIB });
    receiver.attach(far);
    const sender = new LaneSender([near], { windowBytes: 4 * MIB });
    let written = 0;
    const writing = (async () => {
      for (let n = 0; n < 32; n += 1) {
        await sender.write(Buffer.alloc(MIB, n));
        written += 1;
      }
      await sender.end();
    })();
    await eventually(() => {
      expect(receiver.heldBytes).toBe(4 * MIB);
    });
    expect(written).toBeLessThanOrEqual(5);
    let at = 0;
    for await (const chunk of receiver) {
      expect(chunk.every((byte) => byte === at)).toBe(true); // no slot was used again too early
      at += 1;
    }
    await writing;
    expect(at).toBe(32);
    await Promise.all([sender.close(), receiver.close()]);
  });

  it('F24 F27: say why a certificate is refused, on both sides', async () => {
    const link = await dialer(near, strangers).dialLane(signal);
    await expect(link.open(Buffer.from('hello'), signal)).rejects.toEqual(code('E_TUNNEL_CERT_UNTRUSTED'));
    await eventually(() => {
      expect(refused).toEqual([expect.objectContaining({ reason: code('E_TUNNEL_CERT_UNTRUSTED') })]);
    });
    link.destroy();
    await eventually(() => {
      expect(listener.connections).toEqual({ halfOpen: 0, total: 0 });
    });
  });

  it('F24: say why also when they are closed before anything is asked of them', async () => {
    const to = { host: LOCAL, port: listener.port, credentials: { ...strangers, ca: credentials.ca } };
    const link = await near.openLink(to, {}, signal);
    await link.whenGone;
    await expect(link.open(Buffer.from('hello'), signal)).rejects.toEqual(code('E_TUNNEL_CERT_UNTRUSTED'));
  });

  it('tell why a dial failed', async () => {
    const nobody = new TlsDialer({ host: LOCAL, port: 1, credentials }, near.openLink);
    await expect(nobody.dialLane(signal)).rejects.toEqual(code('E_TUNNEL_UNREACHABLE'));
    const stop = AbortSignal.abort(new Error('enough'));
    await expect(dialer().dialLane(stop)).rejects.toThrow('enough');
  });

  it('a thread that dies is a lost connection, and the next link gets a new one', async () => {
    const own = new LinkThreads(1, duplicateFd);
    const link = await dialer(own).dialLane(signal);
    own[Symbol.dispose]();
    await expect(link.receive()).rejects.toEqual(code('E_TUNNEL_LOST'));
    await expect(link.send({ type: 6, sequence: 1, offset: 0, payload: new Uint8Array() })).rejects.toEqual(
      code('E_TUNNEL_LOST'),
    );
    (await dialer(own).dialLane(signal)).destroy();
    own[Symbol.dispose]();
  });
});

describe('shared memory', () => {
  it('is used again when the last one who needs it has let go, and not before', () => {
    const slots = new PayloadSlots(MIB);
    const first = slots.copy(Buffer.alloc(100_000, 1), true);
    expect(first.buffer.byteLength).toBe(131_072);
    slots.hold(first);
    slots.release(first);
    const second = slots.copy(Buffer.alloc(100_000, 2), true);
    expect(second.buffer).not.toBe(first.buffer);
    expect(first[0]).toBe(1);
    slots.release(first);
    const third = slots.copy(Buffer.alloc(70_000, 3), true);
    expect(third.buffer).toBe(first.buffer);
    expect(third).toHaveLength(70_000);
    expect(slots.bytes).toBe(2 * 131_072);
  });

  it('keeps no more than it may, and ignores what is not its own', () => {
    const slots = new PayloadSlots(MIB);
    const all = Array.from({ length: 4 }, () => slots.copy(Buffer.alloc(MIB / 2), true));
    for (const one of all) slots.release(one);
    expect(slots.bytes).toBe(MIB);
    slots.release(all[0]);
    slots.hold(Buffer.alloc(5));
    expect(slots.bytes).toBe(MIB);
  });
});

describe('a host with one core', () => {
  it('has no threads for lanes; one with more leaves a core to the main thread', () => {
    expect(laneThreads(1)).toBeUndefined();
    using threads = laneThreads(2);
    expect(threads).toBeInstanceOf(LinkThreads);
  });
});
