import { describe, expect, it } from 'vitest';
import { LiveWindow } from '../../../src/tunnel/live-window.js';

const MIB = 1024 * 1024;
const FRAME = MIB;

interface Path {
  /** One way there and back, ms. */
  readonly roundTrip: number;
  /** Bytes a ms that the far consumer takes. */
  readonly rate: number;
}

/** Sends frames over a path with a queue in front of its slowest part, by a clock of its own. */
class Flow {
  #ms = 0;
  #sent = 0;
  #acked = 0;
  #freeAt = 0;
  readonly #acks: { at: number; offset: number }[] = [];
  readonly window: LiveWindow;

  constructor(
    public path: Path,
    most: number,
  ) {
    this.window = new LiveWindow(most, () => this.#ms);
  }

  /** Goes on for so long; @returns bytes a ms that were acknowledged, in the second half of it. */
  run(ms: number): number {
    const until = this.#ms + ms;
    let half: number | undefined;
    while (this.#ms < until) {
      while (this.#sent - this.#acked + FRAME <= this.window.bytes) this.#send();
      const next = this.#acks.shift();
      if (next === undefined) throw new Error('nothing is under way');
      this.#ms = Math.max(this.#ms, next.at);
      this.#acked = next.offset;
      this.window.acknowledged(next.offset);
      if (this.#ms >= until - ms / 2) half ??= this.#acked;
    }
    return (this.#acked - (half ?? 0)) / (ms / 2);
  }

  #send(): void {
    this.#sent += FRAME;
    this.window.sent(this.#sent);
    this.#freeAt = Math.max(this.#freeAt, this.#ms + this.path.roundTrip / 2) + FRAME / this.path.rate;
    this.#acks.push({ at: this.#freeAt + this.path.roundTrip / 2, offset: this.#sent });
  }
}

describe('the window of a live migration', () => {
  it.each([
    { roundTrip: 0.2, rate: 300_000 },
    { roundTrip: 0.2, rate: 1_000_000 },
    { roundTrip: 2, rate: 120_000 },
    { roundTrip: 25, rate: 120_000 },
    { roundTrip: 20, rate: 1_000_000 },
    { roundTrip: 100, rate: 12_000 },
  ])('takes what the path gives ($roundTrip ms, $rate bytes a ms), and keeps little waiting', (path) => {
    const flow = new Flow(path, 32 * MIB);
    expect(flow.run(5000)).toBeGreaterThan(path.rate * 0.95);
    const inPath = path.roundTrip * path.rate;
    expect(flow.window.bytes).toBeLessThanOrEqual(Math.max(4 * MIB, 1.5 * (inPath + 4 * MIB) + FRAME));
  });

  it('keeps to what the receiver agreed to, below the least as well', () => {
    const wide = new Flow({ roundTrip: 100, rate: 2_000_000 }, 32 * MIB);
    wide.run(5000);
    expect(wide.window.bytes).toBe(32 * MIB);
    expect(new LiveWindow(65_536).bytes).toBe(65_536);
  });

  it('shrinks again where the far consumer becomes slow, and grows where the way becomes longer', () => {
    const flow = new Flow({ roundTrip: 20, rate: 1_000_000 }, 32 * MIB);
    flow.run(12_000);
    const before = flow.window.bytes;
    expect(before).toBeGreaterThan(20 * MIB);
    flow.path = { roundTrip: 20, rate: 30_000 };
    flow.run(45_000);
    expect(flow.window.bytes).toBeLessThan(8 * MIB);
    flow.path = { roundTrip: 60, rate: 300_000 };
    expect(flow.run(60_000)).toBeGreaterThan(300_000 * 0.9);
  });

  it('learns nothing from an acknowledgement that repeats an earlier one', () => {
    const window = new LiveWindow(32 * MIB, () => 5);
    window.sent(FRAME);
    window.acknowledged(0);
    window.acknowledged(FRAME);
    window.acknowledged(FRAME);
    expect(window.bytes).toBe(4 * MIB);
  });
});
