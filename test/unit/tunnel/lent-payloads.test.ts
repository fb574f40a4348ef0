import { describe, expect, it } from 'vitest';
import { TunnelError } from '../../../src/errors/errors.js';
import { bareFrame, FrameType, type Frame } from '../../../src/tunnel/frame.js';
import type { LaneLink } from '../../../src/tunnel/lane-link.js';
import { LaneSender } from '../../../src/tunnel/lane-sender.js';
import { eventually } from '../../support/eventually.js';

/** A link as another thread holds it: the test says what the thread has done with, and what the far side has. */
class Link implements LaneLink {
  readonly peer = { transport: 'tls', name: 'peer', address: '192.0.2.1:1' } as const;
  readonly pendingBytes = 0;
  readonly sentBytes = 0;
  readonly receivedBytes = 0;
  readonly sent: Frame[] = [];
  onUnused: ((payload: Uint8Array) => void) | undefined;
  #hear: (frame: Frame) => void = () => undefined;
  #break: (error: Error) => void = () => undefined;

  constructor(readonly threaded: boolean) {}

  send(frame: Frame): Promise<void> {
    this.sent.push(frame);
    return Promise.resolve();
  }

  receive(): Promise<Frame | undefined> {
    return new Promise((resolve, reject) => {
      this.#hear = resolve;
      this.#break = reject;
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {
    // The test says when its thread is through.
  }

  /** The far side has so many frames and bytes. */
  acknowledge(sequence: number, offset: number): void {
    this.#hear(bareFrame(FrameType.ACK, sequence, offset));
  }

  cut(): void {
    this.#break(new TunnelError('E_TUNNEL_LOST', 'the connection was cut'));
  }

  /** The thread does not read this payload any more. */
  through(index: number): void {
    this.onUnused?.(this.sent[index].payload);
  }
}

const shared = (bytes: number, value: number): Buffer => Buffer.from(new SharedArrayBuffer(bytes)).fill(value);

describe('a payload that is lent', () => {
  it('goes out from where it lies, and comes back when it is acknowledged and its thread is through with it', async () => {
    const link = new Link(true);
    const sender = new LaneSender([link]);
    let back = 0;
    const first = shared(1000, 1);
    for (const payload of [first, shared(1000, 2), shared(1000, 3)]) await sender.lend(payload, () => (back += 1));
    expect(link.sent[0].payload.buffer).toBe(first.buffer);
    link.through(0);
    expect(back).toBe(0);
    link.acknowledge(2, 2000);
    await eventually(() => expect(back).toBe(1));
    link.through(1);
    expect(back).toBe(2);
    link.through(2);
    expect(back).toBe(2);
    link.acknowledge(3, 3000);
    await eventually(() => expect(back).toBe(3));
    sender.destroy();
  });

  it('F19: stays as it is while the thread of a lost lane may still read it', async () => {
    const lost = new Link(true);
    const next = new Link(true);
    const sender = new LaneSender([lost], {
      resume: { forMs: 20_000, redial: () => Promise.resolve(next) },
    });
    let back = 0;
    await sender.lend(shared(1000, 1), () => (back += 1));
    lost.cut();
    await eventually(() => expect(next.sent).toHaveLength(1));
    expect(next.sent[0].payload.buffer).toBe(lost.sent[0].payload.buffer);
    next.through(0);
    next.acknowledge(1, 1000);
    await eventually(() => expect(sender.retainedBytes).toBe(0));
    expect(back).toBe(0);
    lost.through(0);
    expect(back).toBe(1);
    sender.destroy();
  });

  it('is copied for a link that does not say when it is through, and comes back at once', async () => {
    const link = new Link(false);
    const sender = new LaneSender([link]);
    let back = 0;
    const payload = shared(1000, 7);
    await sender.lend(payload, () => (back += 1));
    expect(back).toBe(1);
    payload.fill(0);
    expect(link.sent[0].payload[0]).toBe(7);
    sender.destroy();
  });

  it('comes back once, also where it is cut for a small window', async () => {
    const link = new Link(true);
    const sender = new LaneSender([link], { windowBytes: 400 });
    let back = 0;
    const lending = sender.lend(shared(1000, 1), () => (back += 1));
    for (const [index, offset] of [400, 800, 1000].entries()) {
      await eventually(() => expect(link.sent).toHaveLength(index + 1));
      link.through(index);
      expect(back).toBe(0);
      link.acknowledge(index + 1, offset);
    }
    await lending;
    await eventually(() => expect(back).toBe(1));
    sender.destroy();
  });
});
