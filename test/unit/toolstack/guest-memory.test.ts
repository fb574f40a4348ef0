import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PAGE_BYTES, PageType } from '../../../src/savestream/layout.js';
import { DirtyLog } from '../../../src/toolstack/embedded/memory/dirty-log.js';
import { FramePlan } from '../../../src/toolstack/embedded/memory/frame-plan.js';
import { buildGuest } from '../../../src/toolstack/embedded/memory/guest-build.js';
import { checkGuest } from '../../../src/toolstack/embedded/memory/guest-check.js';
import { liveUpTo, readKernel } from '../../../src/toolstack/embedded/memory/guest-clock.js';
import { decodeKernel, encodeKernel, type GuestShape } from '../../../src/toolstack/embedded/memory/guest-kernel.js';
import { GuestMemory, storedType } from '../../../src/toolstack/embedded/memory/guest-memory.js';
import { PageContent } from '../../../src/toolstack/embedded/memory/page-content.js';
import { framesOfTick } from '../../../src/toolstack/embedded/memory/tick-writes.js';
import { TempFolder } from './rig.js';

const PVH: GuestShape = {
  type: 'pvh',
  pages: 2048,
  populatedPages: 2048,
  seed: 7,
  zeroPercent: 45,
  duplicatePercent: 7,
  randomPercent: 12,
  tickMs: 10,
  pagesPerTick: 20,
  hotPages: 100,
};

let temp: TempFolder;
let folder: string;
beforeEach(() => {
  temp = new TempFolder();
  folder = temp.file('guest');
  mkdirSync(folder);
});
afterEach(() => {
  temp[Symbol.dispose]();
});

async function build(shape: GuestShape = PVH): Promise<GuestMemory> {
  const memory = GuestMemory.open(folder, true);
  await buildGuest(memory, shape);
  return memory;
}

function readPage(memory: GuestMemory, pfn: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  memory.read(pfn, page);
  return page;
}

/** Frames that ticks 1 to `last` write. */
function written(shape: GuestShape, last: number): number[] {
  const plan = new FramePlan(shape);
  return Array.from({ length: last }, (_, at) => framesOfTick(plan, at + 1)).flat();
}

describe('a page', () => {
  it('is right only in its own frame, at its own version, unchanged', () => {
    const content = new PageContent(new FramePlan(PVH));
    const arbitraryPfn = fc.integer({ min: 3, max: 2047 });
    fc.assert(
      fc.property(
        arbitraryPfn,
        fc.integer({ min: 1, max: 0xffff_ffff }),
        fc.integer({ min: 0, max: PAGE_BYTES * 8 - 1 }),
        (pfn, version, bit) => {
          const page = Buffer.alloc(PAGE_BYTES);
          content.fill(page, pfn, version);
          expect(content.isRight(page, pfn, version)).toBe(true);
          expect(content.isRight(page, pfn + 1, version)).toBe(false);
          expect(content.isRight(page, pfn, version - 1)).toBe(false);
          page[bit >>> 3] ^= 1 << (bit & 7);
          expect(content.isRight(page, pfn, version)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('at boot is zero, a copy, random or compressible, in the proportions asked for', async () => {
    using memory = await build();
    let [zero, duplicate, incompressible] = [0, 0, 0];
    const seen = new Set<string>();
    for (let pfn = 3; pfn < PVH.pages; pfn += 1) {
      const page = readPage(memory, pfn);
      const text = page.toString('latin1');
      if (page.equals(Buffer.alloc(PAGE_BYTES))) zero += 1;
      else if (seen.has(text)) duplicate += 1;
      else if (deflateRawSync(page, { level: 1 }).length > PAGE_BYTES * 0.95) incompressible += 1;
      seen.add(text);
    }
    const percent = (count: number): number => (100 * count) / PVH.pages;
    expect(percent(zero)).toBeGreaterThan(35);
    expect(percent(zero)).toBeLessThan(55);
    expect(percent(duplicate)).toBeGreaterThan(3);
    expect(percent(duplicate)).toBeLessThan(12);
    expect(percent(incompressible)).toBeGreaterThan(7);
    expect(percent(incompressible)).toBeLessThan(18);
  });

  it('takes no room on disk while it is zero', async () => {
    using memory = await build({ ...PVH, zeroPercent: 100, duplicatePercent: 0, randomPercent: 0 });
    expect(memory.frames()).toBe(PVH.pages);
    const { blocks } = await import('node:fs').then(({ statSync }) => statSync(`${folder}/memory`));
    expect(blocks * 512).toBeLessThan(PVH.pages * PAGE_BYTES * 0.05);
  });
});

describe('the kernel page', () => {
  it('says the same after a round trip, and nothing once altered', () => {
    const kernel = { ...PVH, ticks: 2 ** 40, sums: { a: 1, b: 0xffff_ffff } };
    const page = encodeKernel(kernel);
    expect(decodeKernel(page)).toEqual(kernel);
    page[100] ^= 1;
    expect(decodeKernel(page)).toBeUndefined();
    expect(decodeKernel(Buffer.alloc(PAGE_BYTES))).toBeUndefined();
  });
});

describe('a guest that lives', () => {
  it('writes the pages of its ticks, and all of them hold', async () => {
    using memory = await build();
    liveUpTo(memory, folder, 30, false);
    expect(readKernel(memory)?.ticks).toBe(30);
    const content = new PageContent(new FramePlan(PVH));
    const lastTick = framesOfTick(new FramePlan(PVH), 30);
    for (const pfn of lastTick) expect(content.isRight(readPage(memory, pfn), pfn, 30)).toBe(true);
    expect(await checkGuest(memory)).toEqual({ ticks: 30, checked: 2048, bad: 0 });
  });

  it('holds the same bytes whether it lived in many steps or in one', async () => {
    using memory = await build();
    for (let tick = 1; tick <= 30; tick += 1) liveUpTo(memory, folder, tick, false);
    const steps = readFileSync(`${folder}/memory`);
    folder = temp.file('once');
    mkdirSync(folder);
    using once = await build();
    liveUpTo(once, folder, 30, false);
    expect(readFileSync(`${folder}/memory`).equals(steps)).toBe(true);
  });

  it('F1: is whole again after it was cut off at any write', async () => {
    using memory = await build();
    liveUpTo(memory, folder, 3, false);
    let writes = 0;
    {
      cpSync(folder, temp.file('whole'), { recursive: true });
      using whole = GuestMemory.open(temp.file('whole'));
      watchWrites(whole, () => (writes += 1));
      liveUpTo(whole, temp.file('whole'), 6, true);
    }
    expect(writes).toBeGreaterThan(5);
    for (let survived = 0; survived < writes; survived += 1) {
      const cut = temp.file(`cut-${survived}`);
      cpSync(folder, cut, { recursive: true });
      {
        using victim = GuestMemory.open(cut);
        let left = survived;
        watchWrites(victim, () => {
          if (left === 0) throw new Error('killed');
          left -= 1;
        });
        expect(() => {
          liveUpTo(victim, cut, 6, true);
        }).toThrow('killed');
      }
      using next = GuestMemory.open(cut);
      liveUpTo(next, cut, 9, true);
      expect(await checkGuest(next), `cut off at write ${survived}`).toEqual({ ticks: 9, checked: 2048, bad: 0 });
    }
  });

  it('counts the ticks of a long time that nobody looked, and writes for the first of them only', async () => {
    using memory = await build();
    liveUpTo(memory, folder, 1_000_000, true);
    expect(await checkGuest(memory)).toEqual({ ticks: 1_000_000, checked: 2048, bad: 0 });
    liveUpTo(memory, folder, 999, true);
    expect(readKernel(memory)?.ticks).toBe(1_000_000);
  });

  it('logs every frame that it changes while it is asked to', async () => {
    using memory = await build();
    const before = readFileSync(`${folder}/memory`);
    liveUpTo(memory, folder, 5, true);
    const after = readFileSync(`${folder}/memory`);
    using dirty = DirtyLog.open(folder);
    const logged = new Set(dirty.take());
    for (let pfn = 0; pfn < PVH.pages; pfn += 1) {
      const changed = !after
        .subarray(pfn * PAGE_BYTES, (pfn + 1) * PAGE_BYTES)
        .equals(before.subarray(pfn * PAGE_BYTES, (pfn + 1) * PAGE_BYTES));
      if (changed) expect(logged.has(pfn), `frame ${pfn}`).toBe(true);
    }
    expect(logged.size).toBeGreaterThan(0);
    for (const pfn of new Set(written(PVH, 5))) expect(logged.has(pfn)).toBe(true);
    expect(dirty.take().count).toBe(0);
    liveUpTo(memory, folder, 10, false);
    expect(dirty.take().count).toBe(0);
  });

  it('writes mostly to its hot set, never to its kernel, a hole or beyond its memory', () => {
    for (const type of ['pv', 'pvh', 'hvm'] as const) {
      const shape = { ...PVH, type, populatedPages: 1500 };
      const plan = new FramePlan(shape);
      const frames = written(shape, 200);
      expect(frames).toHaveLength(200 * PVH.pagesPerTick);
      expect(frames.every((pfn) => pfn >= plan.dataStart && !plan.isHole(pfn))).toBe(true);
      const hot = frames.filter((pfn) => pfn >= plan.hotStart && pfn < plan.hotStart + shape.hotPages);
      expect(hot.length / frames.length).toBeGreaterThan(0.75);
    }
  });
});

describe("a guest's check of itself", () => {
  const TICKS = 20;
  /** A frame that was written, and the page it held before its last write. */
  async function lived(): Promise<{ memory: GuestMemory; pfn: number; stale: Buffer }> {
    const memory = await build();
    const pfn = framesOfTick(new FramePlan(PVH), TICKS)[0];
    liveUpTo(memory, folder, TICKS - 1, false);
    const stale = readPage(memory, pfn);
    liveUpTo(memory, folder, TICKS, false);
    expect((await checkGuest(memory)).bad).toBe(0);
    return { memory, pfn, stale };
  }

  it('finds a lost page', async () => {
    const { memory, pfn } = await lived();
    using _memory = memory;
    memory.write(pfn, Buffer.alloc(PAGE_BYTES));
    expect((await checkGuest(memory)).bad).toBe(1);
  });

  it('finds a stale page', async () => {
    const { memory, pfn, stale } = await lived();
    using _memory = memory;
    memory.write(pfn, stale);
    expect((await checkGuest(memory)).bad).toBe(1);
  });

  it('finds two pages that changed places', async () => {
    const { memory, pfn } = await lived();
    using _memory = memory;
    const [one, other] = [pfn, pfn + 1].map((at) => readPage(memory, at));
    memory.write(pfn, Buffer.concat([other, one]));
    expect((await checkGuest(memory)).bad).toBeGreaterThanOrEqual(2);
  });

  it('finds an altered byte in any page of content', async () => {
    using memory = await build();
    for (const pfn of [3, 500, 1000, 2047]) {
      const page = readPage(memory, pfn);
      page[1234] ^= 0x10;
      memory.write(pfn, page);
    }
    expect((await checkGuest(memory)).bad).toBe(4);
  });

  it('finds a page that should be zero and is not', async () => {
    using memory = await build({ ...PVH, zeroPercent: 100, duplicatePercent: 0, randomPercent: 0 });
    memory.write(1500, Buffer.alloc(PAGE_BYTES, 1));
    expect((await checkGuest(memory)).bad).toBe(1);
  });

  it('finds a stale page of the version table, also where the pages it speaks of are as stale', async () => {
    const memory = await build();
    using _memory = memory;
    liveUpTo(memory, folder, TICKS - 1, false);
    const plan = new FramePlan(PVH);
    const old = new Map<number, Buffer>();
    for (let pfn = 1; pfn < PVH.pages; pfn += 1) old.set(pfn, readPage(memory, pfn));
    liveUpTo(memory, folder, TICKS, false);
    memory.write(plan.tableStart, old.get(plan.tableStart)!);
    expect((await checkGuest(memory)).bad).toBeGreaterThan(0);
    for (const [pfn, page] of old) memory.write(pfn, page);
    expect((await checkGuest(memory)).bad).toBe(1);
  });

  it('finds a frame of the wrong type, and one too many', async () => {
    using memory = await build();
    memory.writeTypes(700, Buffer.of(storedType(PageType.XTAB)));
    expect((await checkGuest(memory)).bad).toBe(1);
    memory.writeTypes(PVH.pages, Buffer.of(storedType(PageType.NOTAB)));
    expect((await checkGuest(memory)).bad).toBe(2);
  });

  it('says that nothing holds where the kernel page is altered', async () => {
    using memory = await build();
    const kernel = readPage(memory, 0);
    kernel[16] ^= 1;
    memory.write(0, kernel);
    expect(await checkGuest(memory)).toEqual({ ticks: 0, checked: 1, bad: 1 });
  });

  it('knows ballooned-out frames, a PC video hole and page tables', async () => {
    for (const type of ['hvm', 'pv'] as const) {
      folder = temp.file(type);
      mkdirSync(folder);
      using memory = await build({ ...PVH, type, populatedPages: 1800 });
      liveUpTo(memory, folder, 10, false);
      const report = await checkGuest(memory);
      expect(report).toEqual({ ticks: 10, checked: type === 'hvm' ? 1800 - 32 : 1800, bad: 0 });
    }
  });

  it('is a digest where the inside of the guest is not known, of each frame with its number and type', async () => {
    const digestOf = async (name: string, change: (memory: GuestMemory) => void): Promise<string> => {
      folder = temp.file(name);
      mkdirSync(folder);
      using memory = GuestMemory.open(folder, true);
      memory.resize(300_000);
      memory.writeTypes(5, Buffer.of(storedType(0), storedType(0)));
      memory.writeTypes(299_999, Buffer.of(storedType(PageType.XTAB)));
      memory.write(5, Buffer.alloc(2 * PAGE_BYTES, 'abc'));
      change(memory);
      const report = await checkGuest(memory);
      expect(report).toMatchObject({ ticks: 0, checked: 0, bad: 0 });
      return report.memoryDigest ?? '';
    };
    const digest = await digestOf('same', () => undefined);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestOf('again', () => undefined)).toBe(digest);
    expect(await digestOf('type', (memory) => memory.writeTypes(6, Buffer.of(storedType(1))))).not.toBe(digest);
    expect(await digestOf('byte', (memory) => memory.write(6, Buffer.of(0)))).not.toBe(digest);
    expect(await digestOf('more', (memory) => memory.writeTypes(7, Buffer.of(storedType(15))))).not.toBe(digest);
  });
});

describe('the dirty log', () => {
  it('gives back what was marked, once, in order, wherever it lies', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(3_000_000), { maxLength: 60 }), (frames) => {
        using dirty = DirtyLog.open(folder);
        const sorted = [...frames].sort((a, b) => a - b);
        for (let at = 0; at < sorted.length; at += 7) dirty.mark(sorted.slice(at, at + 7));
        const taken = dirty.take();
        expect([...taken]).toEqual(sorted);
        expect(taken.count).toBe(sorted.length);
        expect(dirty.take().count).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

/** Calls `onWrite` before each write to this memory. */
function watchWrites(memory: GuestMemory, onWrite: () => void): void {
  const write = memory.write.bind(memory);
  memory.write = (pfn, pages) => {
    onWrite();
    write(pfn, pages);
  };
}
