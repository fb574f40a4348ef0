import type { TransferEvent } from '../toolstack.js';

const PAGE_KIB = 4;

/** Frames that a guest has in addition to its memory: rings, tables, firmware. */
const SPECIAL_FRAMES = 1024;

/**
 * libxc's first round counts every frame number up to the highest, holes and all: four GiB for a guest
 * whose special frames lie right below that, whatever its memory. Reported unchanged, a transfer would seem to
 * take hours. Memory is at the bottom, so up to its size the count is one of pages.
 */
export function countedPages(event: TransferEvent, memoryKiB: number): TransferEvent {
  if (event.type !== 'round' || event.round !== 0) return event;
  const most = Math.ceil(memoryKiB / PAGE_KIB) + SPECIAL_FRAMES;
  return { ...event, pagesSent: Math.min(event.pagesSent, most), pagesTotal: Math.min(event.pagesTotal, most) };
}
