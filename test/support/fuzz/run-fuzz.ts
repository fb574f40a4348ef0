import { XenferryError } from '../../../src/errors/errors.js';
import { randomFrom } from '../matrix/random.js';
import { mutate } from './mutate.js';
import type { Target } from './targets.js';

/** One input takes microseconds; this is a loop that grows faster than it. */
const SLOW_MS = 2000;

export interface FuzzReport {
  readonly cases: number;
  readonly refused: number;
  readonly peakMiB: number;
  /** What is wrong, with the input in base64. */
  readonly found: readonly string[];
}

/** Reads changed inputs until `isOver`. Each case has a seed of its own, `seed` and up: that case again is a run from there. */
export function runFuzz(targets: readonly Target[], seed: number, isOver: (cases: number) => boolean): FuzzReport {
  const found: string[] = [];
  let [cases, refused, peak] = [0, 0, 0];
  for (; !isOver(cases) && found.length < 20; cases += 1) {
    const target = targets[cases % targets.length];
    const bytes = mutate(target.seeds, randomFrom(seed + cases));
    const since = performance.now();
    const tell = (what: string): void =>
      void found.push(
        `${target.name}, case ${seed + cases}: ${what}; ${Buffer.from(bytes).toString('base64').slice(0, 4000)}`,
      );
    try {
      target.read(bytes);
    } catch (error) {
      refused += 1;
      if (!(error instanceof XenferryError)) tell(String(error));
    }
    const tookMs = performance.now() - since;
    if (tookMs > SLOW_MS) tell(`took ${tookMs.toFixed(0)} ms`);
    if (cases % 64 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  return { cases, refused, peakMiB: Math.round(peak / 1024 / 1024), found };
}
