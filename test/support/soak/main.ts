import { parseArgs } from 'node:util';
import { soak } from './ring.js';

/* `npm run soak`: guests go round three hosts while things go wrong. */

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string' },
    guests: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (!values.json) process.stdout.write(`soak: seed ${seed}, ${values.guests} guests, ${values.minutes} minutes\n`);
const report = await soak({ seconds: Number(values.minutes) * 60, seed, guests: Number(values.guests) });
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
else {
  const faults = Object.entries(report.faults).map(([kind, count]) => `${count} ${kind}`);
  process.stdout.write(
    `${report.migrations} migrations, ${report.arrived} of which arrived at once; faults: ${faults.join(', ')}\n` +
      `${report.recoveries} recoveries; ${report.resumed} resumed by hand; ${report.pagesChecked} pages checked\n` +
      `${report.problems.length === 0 ? `all ${report.guests} guests are there, each once, whole and running` : report.problems.join('\n')}\n`,
  );
}
process.exitCode = report.problems.length === 0 ? 0 : 1;
