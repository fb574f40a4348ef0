/** The best of so many: others may have the processor meanwhile. */
const SAMPLES = 3;

/** How long something short takes on this processor, in ms, when nothing comes between. */
export function bestMs(work: () => void): number {
  let best = Infinity;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const since = performance.now();
    work();
    best = Math.min(best, performance.now() - since);
  }
  return Math.max(best, 0.001);
}
