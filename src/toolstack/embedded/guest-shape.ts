import { randomInt } from 'node:crypto';
import type { Domain } from '../../domain/model.js';
import { readWorkload } from '../../domain/workload.js';
import { RefusedError } from '../../errors/errors.js';
import type { GuestShape } from './memory/guest-kernel.js';
import { PAGE_BYTES } from '../../savestream/layout.js';

const KIB_PER_PAGE = PAGE_BYTES / 1024;
const PAGES_PER_MIB = 256;
/** Room for the kernel's pages after a PC's video hole. */
export const MIN_KIB = 4 * 1024;
/** 1 TiB: frame numbers, and the files that they index, stay within bounds. */
export const MAX_KIB = 1024 * 1024 * 1024;

/** The properties of a guest, from its definition. @throws RefusedError E_REFUSED_MEMORY_SIZE */
export function shapeOf(domain: Domain): GuestShape {
  if (domain.memoryCurrentKiB < MIN_KIB || domain.memoryMaxKiB > MAX_KIB) {
    throw new RefusedError(
      'E_REFUSED_MEMORY_SIZE',
      `domain ${domain.name} has ${domain.memoryCurrentKiB} of ${domain.memoryMaxKiB} KiB: an embedded guest needs ${MIN_KIB} to ${MAX_KIB}`,
      { hint: 'Change <memory> and <currentMemory>.' },
    );
  }
  const workload = readWorkload(domain);
  const tickMs = Math.max(1, Math.round(workload.tickMs));
  const populatedPages = Math.floor(domain.memoryCurrentKiB / KIB_PER_PAGE);
  return {
    type: domain.type,
    pages: Math.floor(domain.memoryMaxKiB / KIB_PER_PAGE),
    populatedPages,
    seed: workload.seed ?? randomInt(2 ** 32),
    zeroPercent: workload.zeroPercent,
    duplicatePercent: workload.duplicatePercent,
    randomPercent: workload.randomPercent,
    tickMs,
    pagesPerTick: Math.round((workload.dirtyMiBPerSecond * PAGES_PER_MIB * tickMs) / 1000),
    hotPages: Math.round((populatedPages * workload.hotPercent) / 100),
  };
}
