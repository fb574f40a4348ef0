import { VERSIONS_PER_PAGE, type FramePlan } from './frame-plan.js';
import type { VersionSums } from './guest-kernel.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';
import { type GuestMemory } from './guest-memory.js';
import { mix } from './hash.js';

/** How much of the table is in memory at once while all of it is read. */
const SCAN_PAGES = 64;

/** The table of a guest in which no page was written since boot. */
export const NO_SUMS: VersionSums = { a: 0, b: 0 };

function term(pfn: number, version: number): VersionSums {
  // Version 0 counts nothing, so that the table of a new guest, all zero, has sums of zero.
  return version === 0 ? NO_SUMS : { a: mix(pfn, version, 5), b: mix(version, pfn, 6) };
}

/** The sums after a change of one entry. */
export function changedSums(sums: VersionSums, pfn: number, from: number, to: number): VersionSums {
  const off = term(pfn, from);
  const on = term(pfn, to);
  return { a: (sums.a - off.a + on.a) >>> 0, b: (sums.b - off.b + on.b) >>> 0 };
}

/**
 * The guest's version table, in guest memory: for each frame the tick that wrote it last. Pages of it
 * that are touched stay in memory until `flush`.
 */
export class VersionTable {
  readonly #memory: GuestMemory;
  readonly #plan: FramePlan;
  readonly #pages = new Map<number, Buffer>();

  constructor(memory: GuestMemory, plan: FramePlan) {
    this.#memory = memory;
    this.#plan = plan;
  }

  get(pfn: number): number {
    return this.#page(pfn).readUInt32LE((pfn % VERSIONS_PER_PAGE) * 4);
  }

  set(pfn: number, version: number): void {
    this.#page(pfn).writeUInt32LE(version, (pfn % VERSIONS_PER_PAGE) * 4);
  }

  /** Frames of the table that were accessed, ascending. */
  touched(): number[] {
    return [...this.#pages.keys()].sort((a, b) => a - b).map((index) => this.#plan.tableStart + index);
  }

  flush(): void {
    for (const [index, page] of this.#pages) this.#memory.write(this.#plan.tableStart + index, page);
    this.#pages.clear();
  }

  /** The sums over the table as it is in memory. */
  sums(): VersionSums {
    let sums = NO_SUMS;
    const block = Buffer.allocUnsafe(SCAN_PAGES * PAGE_BYTES);
    for (let first = 0; first < this.#plan.tablePages; first += SCAN_PAGES) {
      const part = block.subarray(0, Math.min(SCAN_PAGES, this.#plan.tablePages - first) * PAGE_BYTES);
      this.#memory.read(this.#plan.tableStart + first, part);
      const words = new Uint32Array(part.buffer, part.byteOffset, part.length / 4);
      for (let at = 0; at < words.length; at += 1) {
        const version = words[at];
        if (version !== 0) sums = changedSums(sums, first * VERSIONS_PER_PAGE + at, 0, version);
      }
    }
    return sums;
  }

  #page(pfn: number): Buffer {
    const index = Math.floor(pfn / VERSIONS_PER_PAGE);
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = Buffer.allocUnsafe(PAGE_BYTES);
      this.#memory.read(this.#plan.tableStart + index, page);
      this.#pages.set(index, page);
    }
    return page;
  }
}
