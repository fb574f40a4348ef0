import process from 'node:process';
import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.js';
import { TARGETS } from './targets.js';

/* `npm run fuzz -- --minutes N [--seed S]`: everything that reads bytes of others, for as long as that. */

const MOST_MIB = 700;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const until = performance.now() + Number(values.minutes) * 60_000;
const report = runFuzz(TARGETS, seed, () => performance.now() > until);
for (const line of report.found) process.stdout.write(`${line}\n`);
process.stdout.write(
  `${report.cases} cases of ${TARGETS.length} readers, ${report.refused} refused, ${report.found.length} found, peak ${report.peakMiB} MiB (bound ${MOST_MIB})\nrepeat with --seed ${seed}\n`,
);
process.exitCode = report.found.length > 0 || report.peakMiB > MOST_MIB ? 1 : 0;
