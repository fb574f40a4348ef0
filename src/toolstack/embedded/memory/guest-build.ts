import { setImmediate as nextTurn } from 'node:timers/promises';
import { FramePlan } from './frame-plan.js';
import { encodeKernel, KERNEL_PFN, type GuestShape } from './guest-kernel.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';
import { storedType, type GuestMemory } from './guest-memory.js';
import { PageContent } from './page-content.js';
import { NO_SUMS } from './version-table.js';

/** Pages that are made and written at once; between batches the event loop runs. */
const BATCH_PAGES = 256;

/** Fills a new guest's memory with its content at boot. @param memory empty, as it was made */
export async function buildGuest(memory: GuestMemory, shape: GuestShape, signal?: AbortSignal): Promise<void> {
  const plan = new FramePlan(shape);
  const content = new PageContent(plan);
  const batch = Buffer.alloc(BATCH_PAGES * PAGE_BYTES);
  const types = Buffer.alloc(BATCH_PAGES);
  memory.resize(shape.pages);
  for (let first = 0; first < shape.pages; first += BATCH_PAGES) {
    signal?.throwIfAborted();
    const count = Math.min(BATCH_PAGES, shape.pages - first);
    let run = 0; // pages in the batch that wait to be written
    const flush = (end: number): void => {
      if (run > 0) memory.write(end - run, batch.subarray(0, run * PAGE_BYTES));
      run = 0;
    };
    for (let at = 0; at < count; at += 1) {
      const pfn = first + at;
      types[at] = storedType(plan.typeOf(pfn));
      if (!plan.isData(pfn) || content.isZero(pfn, 0)) {
        flush(pfn); // the file is sparse: zero pages take no space
        continue;
      }
      content.fill(batch.subarray(run * PAGE_BYTES, (run + 1) * PAGE_BYTES), pfn, 0);
      run += 1;
    }
    flush(first + count);
    memory.writeTypes(first, types.subarray(0, count));
    await nextTurn();
  }
  memory.write(KERNEL_PFN, encodeKernel({ ...shape, ticks: 0, sums: NO_SUMS }));
}
