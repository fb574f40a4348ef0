/** Number of runs, of which the fastest counts: other processes may use the processor meanwhile. */
const SAMPLES = 3;

/** Time that a short computation takes on this processor, in ms, without interruptions. */
export function bestMs(work: () => void): number {
  let best = Infinity;
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const since = performance.now();
    work();
    best = Math.min(best, performance.now() - since);
  }
  return Math.max(best, 0.001);
}
