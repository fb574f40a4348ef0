import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LevelChooser } from '../../../src/codec/level-chooser.js';
import { IdleCores, parseTicks } from '../../../src/posix/idle-cores.js';

/** zstd's levels on one core: bytes a ms, and what it makes of them. About a guest's memory on a server's processor. */
const ZSTD: Readonly<Record<number, { readonly speed: number; readonly ratio: number }>> = {
  0: { speed: Infinity, ratio: 1 },
  [-10]: { speed: 1_100_000, ratio: 1.8 },
  [-3]: { speed: 900_000, ratio: 2.3 },
  1: { speed: 740_000, ratio: 2.9 },
  3: { speed: 370_000, ratio: 3.2 },
};
/** Of everything else that a byte costs: ms of a core. */
const OTHER_WORK = 1 / 900_000;
const BODY = 1_000_000;
const BATCHES_AHEAD = 3;

interface World {
  readonly cores: number;
  /** Threads of others that never rest. */
  readonly busyLoops: number;
  /** Bytes a ms. */
  readonly link: number;
  /** How much a batch's time varies; 0.3: by up to 30 %. */
  readonly noise?: number;
  /** In a world of starved lane threads the lanes look full although the link is not. */
  readonly starvedLanes?: boolean;
}

/** Sends over a link of the world's by a clock of its own. */
class Simulation {
  readonly chooser = new LevelChooser(undefined, { idleCores: () => this.#idle(), batchesAhead: BATCHES_AHEAD });
  readonly used: number[] = [];
  #ms = 0;
  #busyMs = 0;
  #askedAt = 0;
  #busyAt = 0;
  readonly #levels: number[] = Array.from({ length: BATCHES_AHEAD }, () => 0);
  #random: number;

  constructor(
    public world: World,
    seed = 1,
  ) {
    this.#random = seed;
  }

  run(batches: number): this {
    for (let batch = 0; batch < batches; batch += 1) this.#batch();
    return this;
  }

  /** ms for a batch at a level, on average. */
  static msAt({ cores, busyLoops, link }: World, level: number): number {
    const { speed, ratio } = ZSTD[level];
    const work = BODY * (OTHER_WORK + 1 / speed);
    const ours = busyLoops === 0 ? cores : cores * (cores / (cores + busyLoops));
    return Math.max(work / ours, BODY / ratio / link);
  }

  /** The levels of the last batches, as a share of each. */
  share(level: number, last = 4000): number {
    const tail = this.used.slice(-last);
    return tail.filter((one) => one === level).length / tail.length;
  }

  #batch(): void {
    const next = this.chooser.next();
    this.#levels.push(next);
    const level = this.#levels.shift() ?? 0; // compressed ahead
    this.used.push(next);
    const { link, noise = 0, starvedLanes = false } = this.world;
    const { speed, ratio } = ZSTD[level];
    const mean = Simulation.msAt(this.world, level);
    const ms = mean * (1 + noise * (2 * this.#draw() - 1));
    const isLinkFull = BODY / ratio / link >= mean * 0.95;
    this.#ms += ms;
    this.#busyMs += BODY * (OTHER_WORK + 1 / speed);
    this.chooser.sent(BODY, ms, isLinkFull || starvedLanes ? ms * 0.8 : ms * 0.1);
  }

  #idle(): number {
    const ms = this.#ms - this.#askedAt;
    const busy = (this.#busyMs - this.#busyAt) / ms + this.world.busyLoops;
    this.#askedAt = this.#ms;
    this.#busyAt = this.#busyMs;
    return Math.max(0, this.world.cores - busy);
  }

  #draw(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random / 2 ** 32;
  }
}

describe('the level of compression', () => {
  it('is the highest that pays on a slow link with idle cores', () => {
    const slow = new Simulation({ cores: 8, busyLoops: 0, link: 50_000 }).run(20_000);
    expect(slow.share(3)).toBeGreaterThan(0.9);
  });

  it('is none on a link that is faster than compression, and it does not try', () => {
    const fast = new Simulation({ cores: 2, busyLoops: 0, link: 5_000_000 }).run(20_000);
    expect(fast.used.every((level) => level === 0)).toBe(true);
  });

  it('is in between where link and cores are of a kind', () => {
    const middle = new Simulation({ cores: 2, busyLoops: 0, link: 125_000 }).run(20_000);
    expect(middle.share(1) + middle.share(3)).toBeGreaterThan(0.8);
    expect(middle.chooser.level).not.toBe(0);
  });

  it('is never tried where other work has all the cores, however the rate varies and however full the lanes look', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 2, max: 6 }), (seed, busyLoops) => {
        const world = { cores: 2, busyLoops, link: 1_200_000, noise: 0.4, starvedLanes: true };
        const { used } = new Simulation(world, seed).run(3000);
        return used.every((level) => level === 0);
      }),
    );
  });

  it('follows where work of others comes and goes: never for long a level that loses', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const calm = { cores: 4, busyLoops: 0, link: 400_000, noise: 0.1 };
        const simulation = new Simulation(calm, seed).run(6000);
        expect(simulation.chooser.level).not.toBe(0);
        const loaded = { ...calm, busyLoops: 16 };
        simulation.world = loaded;
        simulation.run(6000);
        const loss = Simulation.msAt(loaded, simulation.chooser.level) / Simulation.msAt(loaded, 0);
        return loss <= 1.02;
      }),
      { numRuns: 30 },
    );
  });

  it('is not taken where the rate has only risen by itself during the trial', () => {
    const chooser = new LevelChooser(undefined, { idleCores: () => 4, batchesAhead: 0 });
    let ms = 40;
    for (let batch = 0; batch < 400; batch += 1) {
      if (chooser.next() !== 0) ms = 20; // from then on the link is twice as fast, whatever the level
      chooser.sent(BODY, ms, ms);
      if (ms === 20) break;
    }
    for (let batch = 0; batch < 60; batch += 1) chooser.sent(BODY, 20, 20);
    expect(ms).toBe(20);
    expect(chooser.level).toBe(0);
  });

  it('rests where nothing shrinks, and is what the user says where that is given', () => {
    const options = { idleCores: () => 4, batchesAhead: 0 };
    const chooser = new LevelChooser(undefined, options);
    while (chooser.next() === 0) chooser.sent(1_000_000, 50, 50);
    chooser.packed(1000, 990);
    expect(Array.from({ length: 12 }, () => chooser.next())).toEqual(Array(12).fill(0));
    expect(chooser.next()).not.toBe(0);
    const fixed = new LevelChooser(7, options);
    fixed.packed(1000, 999);
    fixed.sent(1e9, 1e6, 1e6);
    expect(fixed.next()).toBe(7);
  });
});

describe('the cores without work', () => {
  it('are what the kernel counts between two calls', () => {
    const ticks = [
      { all: 1000, idle: 400 },
      { all: 1200, idle: 500 },
      { all: 1200, idle: 500 },
    ];
    const idle = new IdleCores(4, () => ticks.shift());
    expect([idle.take(), idle.take(), idle.take(), idle.take()]).toEqual([undefined, 2, undefined, undefined]);
  });

  it('are read from /proc/stat, steal counted as work', () => {
    expect(parseTicks('cpu  10 1 20 300 40 2 3 24 5 0\ncpu0 1 1 1 1\n')).toEqual({ all: 400, idle: 340 });
    expect(parseTicks('cpu  10 1 20 300\n')).toEqual({ all: 331, idle: 300 });
    expect(parseTicks('cpu0 10 1 20 300\n')).toBeUndefined();
    expect(new IdleCores().take()).toBeUndefined();
  });
});
