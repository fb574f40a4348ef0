// What each thread costs, and from that the rate at which the busiest one would be full: what the design allows where there
// are cores enough. Computed, not measured: memory bandwidth and shared caches are not in it.
import process from 'node:process';

const TICK_SECONDS = 0.01;
/** Threads that cost less of a second a GB are shown together. */
const LEAST = 0.01;

/** @param ends what `spent` of bench/endpoint.mjs says of either end @param rawBytes of the run */
export function scalingOf(ends, rawBytes) {
  const threads = Object.entries(ends).flatMap(([end, said]) =>
    said.threads.map(({ tid, name, ticks }, at) => ({
      end,
      thread: at === 0 ? 'main' : name,
      tid,
      secondsPerGB: (ticks * TICK_SECONDS * 1e9) / rawBytes,
    })),
  );
  threads.sort((a, b) => b.secondsPerGB - a.secondsPerGB);
  return { threads, computedGBps: 1 / threads[0].secondsPerGB, cpuSecondsPerGB: sum(threads) };
}

const sum = (threads) => threads.reduce((all, { secondsPerGB }) => all + secondsPerGB, 0);

export function printScaling(input, { threads, computedGBps, cpuSecondsPerGB }) {
  const line = (...cells) => process.stdout.write(`${cells.map((cell) => String(cell).padEnd(16)).join('')}\n`);
  line(input, 'thread', 'CPU s/GB');
  const large = threads.filter(({ secondsPerGB }) => secondsPerGB >= LEAST);
  for (const { end, thread, secondsPerGB } of large) line(end, thread, secondsPerGB.toFixed(3));
  const rest = threads.filter(({ secondsPerGB }) => secondsPerGB < LEAST);
  if (rest.length > 0) line('both', `${rest.length} others`, sum(rest).toFixed(3));
  line('both', 'all', cpuSecondsPerGB.toFixed(3));
  process.stdout.write(
    `computed, not measured: the busiest thread (${threads[0].thread} of the ${threads[0].end}) would be full at ` +
      `${computedGBps.toFixed(2)} GB/s\n\n`,
  );
}
