import { AdvanceMark } from './advance-mark.js';
import { DirtyLog } from './dirty-log.js';
import { FramePlan } from './frame-plan.js';
import { decodeKernel, encodeKernel, KERNEL_PFN, type GuestKernel } from './guest-kernel.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';
import { type GuestMemory } from './guest-memory.js';
import { PageContent } from './page-content.js';
import { framesOfTick } from './tick-writes.js';
import { changedSums, VersionTable } from './version-table.js';

/**
 * Most pages written at once: a guest that was not advanced for long counts all its ticks, but writes the pages of the
 * first ones only.
 */
const MAX_PAGES_AT_ONCE = 4096;
/** Pages of one run that are made before they are written. */
const RUN_PAGES = 64;

/** The guest's kernel page; undefined for a guest with unknown content. */
export function readKernel(memory: GuestMemory): GuestKernel | undefined {
  const page = Buffer.alloc(PAGE_BYTES);
  memory.read(KERNEL_PFN, page);
  return decodeKernel(page);
}

/**
 * Advances a guest to a tick: makes its writes and updates its version table, kernel page and dirty
 * log. The writes follow from seed and tick alone, and an interrupted call (kill -9) left the kernel
 * page unchanged, so the next call makes the same writes again, first ones first, and the result is
 * complete. The caller holds the domain's lock.
 * @param folder the domain's, which contains the dirty log and the mark of an interrupted call
 * @param target tick to reach; nothing happens if the guest has reached it already
 */
export function liveUpTo(memory: GuestMemory, folder: string, target: number, logDirty: boolean): void {
  const kernel = readKernel(memory);
  if (kernel === undefined || target <= kernel.ticks) return;
  const plan = new FramePlan(kernel);
  const { pagesPerTick } = kernel;
  const ticksThatWrite = pagesPerTick === 0 ? 0 : Math.max(1, Math.floor(MAX_PAGES_AT_ONCE / pagesPerTick));
  const last = Math.min(target, kernel.ticks + ticksThatWrite);

  const versionOf = new Map<number, number>();
  for (let tick = kernel.ticks + 1; tick <= last; tick += 1) {
    for (const pfn of framesOfTick(plan, tick)) versionOf.set(pfn, versionOfTick(tick));
  }
  const frames = [...versionOf.keys()].sort((a, b) => a - b);
  using mark = AdvanceMark.open(folder);
  const wasCutOff = mark.isSet();
  mark.set(true);

  const table = new VersionTable(memory, plan);
  let sums = kernel.sums;
  for (const [pfn, version] of versionOf) {
    sums = changedSums(sums, pfn, table.get(pfn), version);
    table.set(pfn, version);
  }
  if (logDirty) {
    // Before the pages change: a surplus bit costs a page, a missing bit costs the guest.
    using dirty = DirtyLog.open(folder);
    dirty.mark([...new Set([KERNEL_PFN, ...table.touched(), ...frames])].sort((a, b) => a - b));
  }
  writePages(memory, new PageContent(plan), frames, versionOf);
  table.flush();
  // The interrupted call had changed entries already, so that their previous sums are unknown.
  if (wasCutOff) sums = table.sums();
  memory.write(KERNEL_PFN, encodeKernel({ ...kernel, ticks: target, sums }));
  mark.set(false);
}

/** Ticks outgrow 32 bits; versions wrap, past 0, which represents a page as at boot. */
function versionOfTick(tick: number): number {
  return ((tick - 1) % 0xffff_ffff) + 1;
}

/** @param frames ascending; neighbours are written together */
function writePages(
  memory: GuestMemory,
  content: PageContent,
  frames: readonly number[],
  versionOf: ReadonlyMap<number, number>,
): void {
  const batch = Buffer.alloc(RUN_PAGES * PAGE_BYTES);
  let first = 0;
  let run = 0;
  const flush = (): void => {
    if (run > 0) memory.write(first, batch.subarray(0, run * PAGE_BYTES));
    run = 0;
  };
  for (const pfn of frames) {
    if (run === RUN_PAGES || pfn !== first + run) flush();
    if (run === 0) first = pfn;
    content.fill(batch.subarray(run * PAGE_BYTES, (run + 1) * PAGE_BYTES), pfn, versionOf.get(pfn) ?? 0);
    run += 1;
  }
  flush();
}
