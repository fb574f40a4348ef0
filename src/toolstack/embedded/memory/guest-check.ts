import { createHash, type Hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GuestReport } from '../../toolstack.js';
import { FramePlan, VERSIONS_PER_PAGE } from './frame-plan.js';
import { decodeKernel, isKernel, KERNEL_PFN, type GuestKernel } from './guest-kernel.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';
import { pageType, type GuestMemory } from './guest-memory.js';
import { PageContent } from './page-content.js';
import { hasPageData } from '../../../savestream/layout.js';
import { VersionTable } from './version-table.js';

const BATCH_PAGES = 256;
const TYPES_AT_ONCE = 64 * 1024;

/**
 * Compares each of the guest's pages with the content that its version table requires. Unexpected and missing
 * frames, and frames of another type are bad too. The guest
 * must not run meanwhile: the caller holds the domain's lock.
 */
export async function checkGuest(memory: GuestMemory, signal?: AbortSignal): Promise<GuestReport> {
  const page = Buffer.alloc(PAGE_BYTES);
  memory.read(KERNEL_PFN, page);
  if (!isKernel(page)) {
    return { ticks: 0, checked: 0, bad: 0, memoryDigest: await digestMemory(memory, signal) };
  }
  const kernel = decodeKernel(page);
  // An altered kernel page cannot determine the others' content: no page of this guest is known to be right.
  if (kernel === undefined) return { ticks: 0, checked: 1, bad: 1 };
  const plan = new FramePlan(kernel);
  const counts = await comparePages(memory, kernel, plan, signal);
  const sums = new VersionTable(memory, plan).sums();
  const tableIsWhole = sums.a === kernel.sums.a && sums.b === kernel.sums.b;
  return { ticks: kernel.ticks, checked: counts.checked, bad: counts.bad + (tableIsWhole ? 0 : 1) };
}

async function comparePages(
  memory: GuestMemory,
  kernel: GuestKernel,
  plan: FramePlan,
  signal: AbortSignal | undefined,
): Promise<{ checked: number; bad: number }> {
  const content = new PageContent(plan);
  const pages = Buffer.alloc(BATCH_PAGES * PAGE_BYTES);
  const types = Buffer.alloc(BATCH_PAGES);
  const versions = Buffer.alloc(PAGE_BYTES);
  let checked = 0;
  // Frames beyond the last one must not exist.
  let bad = Math.max(0, memory.frames() - kernel.pages);
  for (let first = 0; first < kernel.pages; first += BATCH_PAGES) {
    signal?.throwIfAborted();
    const count = Math.min(BATCH_PAGES, kernel.pages - first);
    memory.read(first, pages.subarray(0, count * PAGE_BYTES));
    memory.readTypes(first, types.subarray(0, count));
    // BATCH_PAGES divides a page's worth of versions, so one page of the table serves the batch.
    memory.read(plan.tableStart + Math.floor(first / VERSIONS_PER_PAGE), versions);
    for (let at = 0; at < count; at += 1) {
      const pfn = first + at;
      const version = versions.readUInt32LE((pfn % VERSIONS_PER_PAGE) * 4);
      const page = pages.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
      const typeIsRight = pageType(types[at]) === plan.typeOf(pfn);
      const isRight = plan.isData(pfn) ? content.isRight(page, pfn, version) : version === 0;
      if (!plan.isHole(pfn)) checked += 1;
      if (!typeIsRight || !isRight) bad += 1;
    }
    await nextTurn();
  }
  return { checked, bad };
}

/**
 * SHA-256 over every frame in order: its number (8 bytes, little-endian), its type (1 byte), and its page if its type
 * has one.
 */
async function digestMemory(memory: GuestMemory, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  const types = Buffer.alloc(TYPES_AT_ONCE);
  const frames = memory.frames();
  for (let first = 0; first < frames; first += TYPES_AT_ONCE) {
    signal?.throwIfAborted();
    const part = types.subarray(0, Math.min(TYPES_AT_ONCE, frames - first));
    memory.readTypes(first, part);
    for (const [at, stored] of part.entries()) {
      const type = pageType(stored);
      if (type === undefined) continue;
      hashFrame(hash, memory, first + at, type);
      if (at % BATCH_PAGES === 0) await nextTurn();
    }
  }
  return hash.digest('hex');
}

function hashFrame(hash: Hash, memory: GuestMemory, pfn: number, type: number): void {
  const head = Buffer.alloc(9);
  head.writeBigUInt64LE(BigInt(pfn));
  head.writeUInt8(type, 8);
  hash.update(head);
  if (!hasPageData(type)) return;
  const page = Buffer.alloc(PAGE_BYTES);
  memory.read(pfn, page);
  hash.update(page);
}
