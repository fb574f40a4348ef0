import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { AbortedError } from '../../../src/errors/errors.js';
import type { FrameLink } from '../../../src/tunnel/frame-link.js';
import { FrameType, bareFrame, type Frame } from '../../../src/tunnel/frame.js';
import { LaneReceiver } from '../../../src/tunnel/lane-receiver.js';
import { LaneSender } from '../../../src/tunnel/lane-sender.js';
import { ReorderBuffer } from '../../../src/tunnel/reorder-buffer.js';
import { openPair, type OpenPair } from './duplex-pair.js';

const KIB = 1024;

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

function data(sequence: number, offset: number, payload: Uint8Array | string): Frame {
  return { type: FrameType.DATA, sequence, offset, payload: Buffer.from(payload) };
}

interface Lanes {
  readonly pairs: readonly OpenPair[];
  readonly sender: LaneSender;
  readonly receiver: LaneReceiver;
}

async function lanes(count: number, windowBytes = 1024 * KIB, stop = new AbortController()): Promise<Lanes> {
  const pairs = await Promise.all(Array.from({ length: count }, () => openPair()));
  const receiver = new LaneReceiver({ windowBytes, signal: stop.signal });
  for (const { far } of pairs) receiver.attach(far);
  const near = pairs.map((pair) => pair.near);
  return { pairs, sender: new LaneSender(near, { windowBytes, signal: stop.signal }), receiver };
}

async function collect(receiver: LaneReceiver): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of receiver) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function closeAll({ sender, receiver }: Lanes): Promise<void> {
  await Promise.all([sender.close(), receiver.close()]);
}

describe('lanes', () => {
  it.each([1, 2, 8])('carry every byte in order over %d lanes, and count them', async (count) => {
    const all = await lanes(count);
    const bytes = randomBytes(3 * 1024 * KIB + 17);
    const got = collect(all.receiver);
    let at = 0;
    for (let size = 1; at < bytes.length; size = (size * 3) % (200 * KIB)) {
      await all.sender.write(bytes.subarray(at, at + size));
      at += size;
    }
    const { rawBytes, wireBytes } = await all.sender.end();
    expect((await got).equals(bytes)).toBe(true);
    expect(rawBytes).toBe(bytes.length);
    const { counters } = all.sender;
    expect(counters).toMatchObject({ rawBytes, wireBytes, ackedBytes: rawBytes });
    expect(counters.perLaneBytes).toHaveLength(count);
    expect(counters.perLaneBytes.reduce((a, b) => a + b)).toBe(wireBytes);
    expect((wireBytes - rawBytes) % 32).toBe(0);
    expect(all.receiver.counters).toMatchObject({ rawBytes, wireBytes, ackedBytes: rawBytes });
    expect(all.sender.retainedBytes).toBe(0);
    await closeAll(all);
    for (const { near, far } of all.pairs) {
      expect(near.failure).toBeUndefined();
      expect(far.failure).toBeUndefined();
    }
  });

  it('carry nothing at all', async () => {
    const all = await lanes(2);
    const got = collect(all.receiver);
    expect(await all.sender.end()).toEqual({ rawBytes: 0, wireBytes: 32 });
    expect(await got).toHaveLength(0);
    await closeAll(all);
  });

  it('cut what is above 1 MiB, or above the window, and send smaller chunks whole', async () => {
    const all = await lanes(1, 64 * KIB);
    const sizes: number[] = [];
    const reading = (async () => {
      for await (const chunk of all.receiver) sizes.push(chunk.length);
    })();
    await all.sender.write(Buffer.alloc(150 * KIB));
    await all.sender.write(Buffer.alloc(10));
    await all.sender.end();
    await reading;
    expect(sizes).toEqual([64 * KIB, 64 * KIB, 22 * KIB, 10]);
    await closeAll(all);
  });

  it('F16: put in order what arrives in any order, over any lanes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.nat()),
        async (chunks, random) => {
          const pairs = await Promise.all([openPair(), openPair(), openPair()]);
          const receiver = new LaneReceiver();
          for (const { far } of pairs) receiver.attach(far);
          let offset = 0;
          const frames: Frame[] = chunks.map((chunk, sequence) => {
            const frame = data(sequence, offset, chunk);
            offset += chunk.length;
            return frame;
          });
          frames.push(bareFrame(FrameType.END, chunks.length, offset));
          const keys = [...random.take(frames.length)];
          const order = frames.map((frame, n) => ({ frame, key: keys[n] })).sort((a, b) => a.key - b.key);
          const got = collect(receiver);
          for (const { frame, key } of order) await pairs[key % 3].near.send(frame);
          expect((await got).equals(Buffer.concat(chunks))).toBe(true);
          receiver.destroy();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('F16: put in order what a slow lane delivers late', async () => {
    const all = await lanes(2);
    all.pairs[0].a.duplex.hold();
    const got = collect(all.receiver);
    const bytes = randomBytes(400 * KIB);
    for (let at = 0; at < bytes.length; at += 20 * KIB) await all.sender.write(bytes.subarray(at, at + 20 * KIB));
    const ended = all.sender.end();
    await eventually(() => {
      expect(all.receiver.heldBytes).toBeGreaterThan(0);
    });
    all.pairs[0].a.duplex.release();
    await ended;
    expect((await got).equals(bytes)).toBe(true);
    await closeAll(all);
  });

  it('give a slow lane less to carry', async () => {
    const all = await lanes(2, 16 * 1024 * KIB);
    const got = collect(all.receiver);
    const [slow, fast] = all.pairs;
    slow.a.duplex.hold();
    // Less than the least window: what the slow lane holds keeps all of it unacknowledged.
    for (let n = 0; n < 8; n += 1) await all.sender.write(Buffer.alloc(500 * KIB, n));
    const { perLaneBytes } = all.sender.counters;
    expect(perLaneBytes[0]).toBeLessThan(1100 * KIB);
    expect(perLaneBytes[1]).toBeGreaterThan(2900 * KIB);
    slow.a.duplex.release();
    await all.sender.end();
    expect(await got).toHaveLength(8 * 500 * KIB);
    expect(fast.near.failure).toBeUndefined();
    await closeAll(all);
  });
});

describe('the window', () => {
  it('throttles the sender of a slow consumer, and bounds the memory of both sides', async () => {
    const windowBytes = 256 * KIB;
    const all = await lanes(3, windowBytes);
    const bytes = randomBytes(4 * 1024 * KIB);
    let written = 0;
    let most = { held: 0, retained: 0, ahead: 0 };
    const writing = (async () => {
      for (let at = 0; at < bytes.length; at += 30 * KIB) {
        await all.sender.write(bytes.subarray(at, at + 30 * KIB));
        written = Math.min(bytes.length, at + 30 * KIB);
      }
      await all.sender.end();
    })();
    const digest = createHash('sha256');
    let taken = 0;
    for await (const chunk of all.receiver) {
      // Everybody else gets many turns before this consumer takes the next chunk.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      most = {
        held: Math.max(most.held, all.receiver.heldBytes),
        retained: Math.max(most.retained, all.sender.retainedBytes),
        ahead: Math.max(most.ahead, written - taken),
      };
      taken += chunk.length;
      digest.update(chunk);
    }
    await writing;
    expect(digest.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(most.held).toBeLessThanOrEqual(windowBytes);
    expect(most.retained).toBeLessThanOrEqual(windowBytes);
    expect(most.ahead).toBeLessThanOrEqual(windowBytes);
    expect(most.held).toBeGreaterThan(windowBytes / 2); // the window was really in use
    await closeAll(all);
  });

  it('does not acknowledge a chunk that its consumer still works on', async () => {
    const all = await lanes(1);
    const reader = all.receiver[Symbol.asyncIterator]();
    await all.sender.write(Buffer.from('first'));
    await reader.next();
    await all.sender.write(Buffer.from('second'));
    await eventually(() => {
      expect(all.receiver.heldBytes).toBe(6);
    });
    expect(all.sender.counters.ackedBytes).toBe(0);
    await reader.next();
    const third = reader.next();
    await eventually(() => {
      expect(all.sender.counters.ackedBytes).toBe(11);
    });
    const ended = all.sender.end();
    expect(await third).toMatchObject({ done: true });
    await ended;
    await closeAll(all);
  });

  it('keepalive goes on while the consumer takes its time', async () => {
    const pair = await openPair({
      near: { keepaliveMs: 10, keepaliveCount: 2 },
      far: { keepaliveMs: 10, keepaliveCount: 2 },
    });
    const receiver = new LaneReceiver({ windowBytes: 64 * KIB });
    receiver.attach(pair.far);
    const sender = new LaneSender([pair.near], { windowBytes: 64 * KIB });
    const writing = (async () => {
      for (let n = 0; n < 8; n += 1) await sender.write(Buffer.alloc(32 * KIB));
      await sender.end();
    })();
    const before = pair.far.receivedBytes;
    await eventually(() => {
      expect(pair.far.receivedBytes).toBeGreaterThan(before + 64 * KIB + 6 * 32); // PINGs behind a full window
    });
    expect(await collect(receiver)).toHaveLength(256 * KIB);
    await writing;
  });
});

describe('a lane that fails', () => {
  it.each([1, 8])('F15: one of %d lanes dies: both sides hear of it at once, all lanes end', async (count) => {
    const all = await lanes(count);
    const got = collect(all.receiver);
    const lost = expect(got).rejects.toMatchObject({ code: expect.stringMatching(/^E_TUNNEL_/) as string });
    await all.sender.write(Buffer.alloc(100));
    all.pairs[count - 1].a.duplex.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    await expect(all.sender.end()).rejects.toEqual(code('E_TUNNEL_LOST'));
    await expect(all.sender.end()).rejects.toEqual(code('E_TUNNEL_LOST'));
    await lost;
    for (const { a, b } of all.pairs) {
      expect(a.duplex.destroyed).toBe(true);
      expect(b.duplex.destroyed).toBe(true);
    }
    expect(all.receiver.heldBytes).toBe(0);
    expect(all.sender.retainedBytes).toBe(0);
    await closeAll(all);
  });

  it('F15: wakes a write that waits for the window', async () => {
    const all = await lanes(2, 64 * KIB);
    await all.sender.write(Buffer.alloc(64 * KIB));
    const blocked = expect(all.sender.write(Buffer.alloc(1))).rejects.toMatchObject({
      code: expect.stringMatching(/^E_TUNNEL_/) as string,
    });
    all.pairs[1].b.duplex.destroy();
    await blocked;
    await expect(collect(all.receiver)).rejects.toMatchObject({ code: expect.stringMatching(/^E_TUNNEL_/) as string });
  });

  it('F30: a goodbye in the middle is no end', async () => {
    const pair = await openPair();
    const receiver = new LaneReceiver();
    receiver.attach(pair.far);
    const got = expect(collect(receiver)).rejects.toEqual(code('E_TUNNEL_LANE_LOST'));
    await pair.near.send(data(0, 0, 'half of it'));
    await pair.near.close();
    await got;
    const other = await openPair();
    const sender = new LaneSender([other.near]);
    await sender.write(Buffer.from('half of it'));
    await Promise.all([other.far.close(), expect(sender.end()).rejects.toEqual(code('E_TUNNEL_LANE_LOST'))]);
  });

  it('F44: the signal ends both sides with its own reason', async () => {
    const stop = new AbortController();
    const all = await lanes(2, 64 * KIB, stop);
    await all.sender.write(Buffer.alloc(64 * KIB));
    const sending = expect(all.sender.write(Buffer.alloc(1))).rejects.toEqual(code('E_ABORTED'));
    const receiving = expect(collect(all.receiver)).rejects.toEqual(code('E_ABORTED'));
    stop.abort(new AbortedError());
    await Promise.all([sending, receiving]);
    await closeAll(all);
  });

  it('a consumer that leaves early ends it for the sender', async () => {
    const all = await lanes(2, 64 * KIB);
    await all.sender.write(Buffer.alloc(1));
    for await (const chunk of all.receiver) {
      expect(chunk).toHaveLength(1);
      break;
    }
    await expect(all.sender.end()).rejects.toMatchObject({ code: expect.stringMatching(/^E_TUNNEL_/) as string });
  });

  it('F16: the goodbye on one lane may overtake the last ACK on another', async () => {
    const all = await lanes(2);
    const got = collect(all.receiver);
    await all.sender.write(Buffer.from('all of it'));
    all.pairs[0].b.duplex.hold(); // ACKs take the first lane while both are idle
    const ended = all.sender.end();
    await got;
    const closed = all.receiver.close();
    await eventually(() => {
      expect(all.pairs[1].near.receivedBytes).toBe(all.pairs[1].far.sentBytes);
      expect(all.pairs[1].a.duplex.destroyed).toBe(true);
    });
    all.pairs[0].b.duplex.release();
    await ended;
    await Promise.all([closed, all.sender.close()]);
  });

  it('after the end a lane may go as it likes', async () => {
    const all = await lanes(2);
    const got = collect(all.receiver);
    await all.sender.write(Buffer.from('all of it'));
    await all.sender.end();
    expect((await got).toString()).toBe('all of it');
    all.sender.destroy();
    await closeAll(all);
    for (const { a, b } of all.pairs) {
      expect(a.duplex.destroyed).toBe(true);
      expect(b.duplex.destroyed).toBe(true);
    }
  });
});

describe('a peer that breaks the rules of lanes', () => {
  async function told(frames: readonly Frame[], windowBytes?: number): Promise<unknown> {
    const pair = await openPair();
    const receiver = new LaneReceiver(windowBytes === undefined ? {} : { windowBytes });
    receiver.attach(pair.far);
    const got = collect(receiver).catch((error: unknown) => error);
    for (const frame of frames) await pair.near.send(frame).catch(() => undefined);
    return got;
  }

  it.each<[string, string, readonly Frame[], number?]>([
    ['F17: a frame twice', 'E_PROTOCOL_LANES_DUPLICATE', [data(0, 0, 'a'), data(0, 0, 'a')]],
    ['F17: a waiting frame twice', 'E_PROTOCOL_LANES_DUPLICATE', [data(1, 1, 'a'), data(1, 1, 'a')]],
    ['an offset that lies', 'E_PROTOCOL_LANES_OFFSET', [data(0, 5, 'a')]],
    ['bytes past the window', 'E_PROTOCOL_LANES_WINDOW', [data(1, 4, 'abc'), data(2, 7, 'defg')], 10],
    ['hidden bytes past the window', 'E_PROTOCOL_LANES_WINDOW', [data(1, 0, 'abcdef'), data(2, 0, 'abcdef')], 10],
    ['frames past the window', 'E_PROTOCOL_LANES_WINDOW', [data(4096, 0, 'a')]],
    ['a total too high', 'E_PROTOCOL_LANES_TOTAL', [data(0, 0, 'a'), bareFrame(FrameType.END, 1, 2)]],
    ['a total too low', 'E_PROTOCOL_LANES_TOTAL', [bareFrame(FrameType.END, 1, 0), data(0, 0, 'a')]],
    ['an end before what was sent', 'E_PROTOCOL_LANES_TOTAL', [data(1, 1, 'a'), bareFrame(FrameType.END, 1, 1)]],
    ['data after the end', 'E_PROTOCOL_LANES_TOTAL', [bareFrame(FrameType.END, 1, 1), data(1, 1, 'a')]],
    ['two ends', 'E_PROTOCOL_LANES_TOTAL', [bareFrame(FrameType.END, 1, 1), bareFrame(FrameType.END, 1, 1)]],
    ['a message on a lane', 'E_PROTOCOL_FRAME_UNEXPECTED', [{ ...data(0, 0, 'a'), type: FrameType.MESSAGE }]],
  ])('%s is %s', async (_, expected, frames, windowBytes) => {
    expect(await told(frames, windowBytes)).toEqual(code(expected));
  });

  async function answered(ack: Frame): Promise<unknown> {
    const pair = await openPair();
    const sender = new LaneSender([pair.near]);
    await sender.write(Buffer.from('abc'));
    await sender.write(Buffer.from('def'));
    await pair.far.send(ack);
    return sender.end().catch((error: unknown) => error);
  }

  it.each<[string, string, Frame]>([
    ['an ACK of what was not sent', 'E_PROTOCOL_ACK', bareFrame(FrameType.ACK, 9, 6)],
    ['an ACK of more bytes than were sent', 'E_PROTOCOL_ACK', bareFrame(FrameType.ACK, 1, 7)],
    ['an ACK of half a frame', 'E_PROTOCOL_ACK', bareFrame(FrameType.ACK, 1, 2)],
    ['an ACK of the end with another total', 'E_PROTOCOL_ACK', bareFrame(FrameType.ACK, 3, 5)],
    ['data from the receiver', 'E_PROTOCOL_FRAME_UNEXPECTED', data(0, 0, 'x')],
  ])('%s is %s', async (_, expected, ack) => {
    expect(await answered(ack)).toEqual(code(expected));
  });

  it('an old ACK that took a slower lane changes nothing', async () => {
    const pairs = await Promise.all([openPair(), openPair()]);
    const sender = new LaneSender(pairs.map(({ near }): FrameLink => near));
    await sender.write(Buffer.from('abc'));
    await sender.write(Buffer.from('def'));
    await pairs[0].far.send(bareFrame(FrameType.ACK, 2, 6));
    await eventually(() => {
      expect(sender.retainedBytes).toBe(0);
    });
    await pairs[1].far.send(bareFrame(FrameType.ACK, 1, 3));
    const ended = sender.end();
    await pairs[1].far.send(bareFrame(FrameType.ACK, 3, 6));
    expect(await ended).toEqual({ rawBytes: 6, wireBytes: 6 + 3 * 32 });
    sender.destroy();
  });
});

describe('the reorder buffer', () => {
  it('holds no more than the window, whatever it is sent', () => {
    const frame = fc.record({ sequence: fc.nat(40), offset: fc.nat(200), length: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
        const buffer = new ReorderBuffer(100);
        for (const { sequence, offset, length } of frames) {
          try {
            buffer.insert(data(sequence, offset, Buffer.alloc(length)));
            buffer.take();
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^E_PROTOCOL_LANES_/) as string });
          }
          expect(buffer.heldBytes).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});
