import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { threadSlots } from '../../../src/buffers/slot-pool.js';
import { eventually } from '../../support/eventually.js';
import { RefusedError, TunnelError } from '../../../src/errors/errors.js';
import { FrameType, bareFrame } from '../../../src/tunnel/frame.js';
import { LaneReceiver } from '../../../src/tunnel/lane-receiver.js';
import { LaneSender } from '../../../src/tunnel/lane-sender.js';
import { openPair, type OpenPair } from './duplex-pair.js';

const KIB = 1024;

function code(expected: string): object {
  return expect.objectContaining({ code: expected }) as object;
}

/** A transfer whose lanes can be cut as often as one likes: the sender dials new ones, which the receiver takes. */
class Transfer {
  /** The pair that each lane has now. */
  readonly pairs: OpenPair[] = [];
  readonly receiver: LaneReceiver;
  sender!: LaneSender;
  redials = 0;
  /** How a dial ends before it has a link; undefined: it succeeds. */
  obstacle: ((index: number, signal: AbortSignal) => Promise<void>) | undefined;

  constructor(
    readonly windowBytes: number,
    readonly reconnectMs: number,
  ) {
    this.receiver = new LaneReceiver({ windowBytes, reconnectMs });
  }

  static async open(lanes: number, windowBytes = 64 * KIB, reconnectMs = 20_000): Promise<Transfer> {
    const transfer = new Transfer(windowBytes, reconnectMs);
    const links = [];
    for (let index = 0; index < lanes; index += 1) links.push(await transfer.#dial(index));
    transfer.sender = new LaneSender(links, {
      windowBytes,
      resume: {
        forMs: reconnectMs,
        redial: async (index, signal) => {
          transfer.redials += 1;
          await transfer.obstacle?.(index, signal);
          return transfer.#dial(index);
        },
      },
    });
    return transfer;
  }

  async #dial(index: number): Promise<OpenPair['near']> {
    const pair = await openPair();
    this.pairs[index] = pair;
    this.receiver.checkOpen();
    this.receiver.attach(pair.far, index);
    return pair.near;
  }

  cut(index: number): void {
    const error = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    this.pairs[index].a.duplex.destroy(error);
  }

  async collect(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.receiver) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async close(): Promise<void> {
    await Promise.all([this.sender.close(100), this.receiver.close(100)]);
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe('lanes that are lost', () => {
  it('F7 F15: whatever is cut, and whenever, every byte arrives once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 30 * KIB }), cut: fc.option(fc.nat(3)) }), {
          minLength: 1,
          maxLength: 25,
        }),
        async (lanes, steps) => {
          const all = await Transfer.open(lanes);
          const got = all.collect();
          const sent: Buffer[] = [];
          for (const { bytes, cut } of steps) {
            const chunk = randomBytes(bytes);
            sent.push(chunk);
            await all.sender.write(chunk);
            if (cut !== null && cut < lanes) all.cut(cut);
          }
          const { rawBytes } = await all.sender.end();
          expect((await got).equals(Buffer.concat(sent))).toBe(true);
          expect(rawBytes).toBe(sent.reduce((sum, chunk) => sum + chunk.length, 0));
          expect(all.sender.retainedBytes).toBe(0);
          await all.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('memory that a lost lane may still hold is not used again, what the others had is', async () => {
    const all = await Transfer.open(2);
    const given: Uint8Array[][] = [[], []];
    for (const [index, { near }] of all.pairs.entries()) {
      const send = near.send.bind(near);
      near.send = (frame) => {
        if (frame.type === FrameType.DATA) given[index].push(frame.payload);
        return send(frame);
      };
    }
    all.pairs[0].a.duplex.hold();
    all.pairs[1].a.duplex.hold();
    const got = all.collect();
    const bytes = randomBytes(60 * KIB);
    for (let at = 0; at < bytes.length; at += 10 * KIB) await all.sender.write(bytes.subarray(at, at + 10 * KIB));
    const [lost, kept] = given.map((payloads) => [...payloads]);
    expect(Math.min(lost.length, kept.length)).toBeGreaterThan(0);
    const ended = all.sender.end();
    all.cut(0);
    all.pairs[1].a.duplex.release();
    await ended;
    expect((await got).equals(bytes)).toBe(true);
    expect(lost.map(({ buffer }) => threadSlots.has(buffer))).toEqual(lost.map(() => true));
    expect(kept.map(({ buffer }) => threadSlots.has(buffer))).toEqual(kept.map(() => false));
    await all.close();
  });

  it('F7: what the lost lane held goes over the lane that is left, before the lost one is back', async () => {
    const all = await Transfer.open(2);
    all.obstacle = (_index, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    all.pairs[0].a.duplex.hold();
    all.pairs[1].a.duplex.hold();
    const got = all.collect();
    const bytes = randomBytes(60 * KIB);
    for (let at = 0; at < bytes.length; at += 10 * KIB) await all.sender.write(bytes.subarray(at, at + 10 * KIB));
    const ended = all.sender.end();
    all.cut(0);
    all.pairs[1].a.duplex.release();
    await ended;
    expect((await got).equals(bytes)).toBe(true);
    expect(all.sender.reconnects).toBe(0);
    await all.close();
  });

  it('F13: the last ACK is lost with its lane: the next lane brings it', async () => {
    const all = await Transfer.open(1);
    const got = all.collect();
    await all.sender.write(Buffer.from('all of it'));
    await eventually(() => {
      expect(all.sender.counters.ackedBytes).toBe(9);
    });
    all.pairs[0].b.duplex.hold();
    const ended = all.sender.end();
    expect((await got).toString()).toBe('all of it'); // the receiver is done, and the sender does not know it
    all.cut(0);
    await ended;
    expect(all.redials).toBe(1);
    await all.close();
  });

  it('holds no more than the window, and no write goes through, while no lane is there', async () => {
    const all = await Transfer.open(2);
    let letThrough: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    all.obstacle = () => gate;
    all.cut(0);
    all.cut(1);
    let written = 0;
    const writing = (async () => {
      for (let n = 0; n < 20; n += 1) {
        await all.sender.write(Buffer.alloc(10 * KIB, n));
        written += 1;
      }
      await all.sender.end();
    })();
    await eventually(() => {
      expect(all.redials).toBe(2);
    });
    expect(written).toBeLessThanOrEqual(6); // what the window takes
    expect(all.sender.retainedBytes).toBeLessThanOrEqual(64 * KIB);
    letThrough();
    expect(await all.collect()).toHaveLength(200 * KIB);
    await writing;
    expect(all.sender.reconnects).toBe(2);
    await all.close();
  });

  it('F9: gives up when none came back in time, on both sides, and says what to look at', async () => {
    const all = await Transfer.open(2, 64 * KIB, 60);
    all.obstacle = () => Promise.reject(new TunnelError('E_TUNNEL_UNREACHABLE', 'nobody there'));
    const got = expect(all.collect()).rejects.toEqual(code('E_TUNNEL_LOST'));
    all.cut(0);
    all.cut(1);
    await expect(all.sender.end()).rejects.toMatchObject({
      code: 'E_TUNNEL_LOST',
      cause: { code: 'E_TUNNEL_UNREACHABLE' },
      hint: expect.stringContaining('--reconnect-timeout') as string,
    });
    await got;
    await all.close();
  });

  it('a far end that says no is not asked again', async () => {
    const all = await Transfer.open(1);
    all.receiver.destroy(new RefusedError('E_REFUSED_STATE', 'the restore has died'));
    await expect(all.sender.end()).rejects.toEqual(code('E_REFUSED_STATE'));
    expect(all.redials).toBe(1);
    await all.close();
  });

  it('what breaks the protocol still ends the transfer', async () => {
    const all = await Transfer.open(1);
    const got = expect(all.collect()).rejects.toEqual(code('E_PROTOCOL_FRAME_UNEXPECTED'));
    await all.pairs[0].near.send(bareFrame(FrameType.ACK, 0, 0));
    await got;
    expect(all.redials).toBe(0);
    all.sender.destroy();
    await all.close();
  });

  it('a lane that comes again takes the place of one that is only thought alive', async () => {
    const all = await Transfer.open(1);
    const stale = all.pairs[0];
    const again = await openPair();
    all.receiver.attach(again.far, 0);
    await eventually(() => {
      expect(stale.b.duplex.destroyed).toBe(true);
    });
    expect(again.b.duplex.destroyed).toBe(false);
    all.sender.destroy();
    await all.close();
  });
});
