import type { FramePlan } from './frame-plan.js';
import { mix } from './hash.js';

/** Guests write neighbouring pages together. */
const RUN_PAGES = 8;
/** One run in this many is anywhere; the others are in the hot set. */
const COLD_EVERY = 8;

/** The frames that a tick writes: always the same ones for a seed and a tick. May name a frame twice. */
export function framesOfTick(plan: FramePlan, tick: number): number[] {
  const { seed, pagesPerTick, hotPages, populatedPages } = plan.shape;
  const frames: number[] = [];
  const cold = populatedPages - plan.dataStart;
  if (cold <= 0) return frames;
  for (let run = 0; frames.length < pagesPerTick; run += 1) {
    const dice = mix(seed, tick, 16 + run);
    const isCold = hotPages === 0 || dice % COLD_EVERY === 0;
    const start = isCold ? plan.dataStart : plan.hotStart;
    const room = isCold ? cold : Math.min(hotPages, cold);
    const first = start + (mix(dice, tick, run) % room);
    const end = Math.min(first + RUN_PAGES, start + room, first + pagesPerTick - frames.length);
    for (let pfn = first; pfn < end; pfn += 1) frames.push(pfn);
  }
  return frames;
}
