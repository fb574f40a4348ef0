import { parseArgs } from 'node:util';
import { explore } from './model/explore.js';

/* `npm run test:model`: walks every state of the handover and prints what it found. */

const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } });
const startedAt = performance.now();
const { states, settledStates, steps, depth, crashes, broken, withoutWayOut } = explore();
const seconds = (performance.now() - startedAt) / 1000;
if (values.json) {
  const counts = { broken: broken.length, withoutWayOut: withoutWayOut.length };
  process.stdout.write(`${JSON.stringify({ states, settledStates, steps, depth, crashes, seconds, ...counts })}\n`);
} else {
  process.stdout.write(
    `handover model: ${states} states, ${settledStates} of them settled, ${steps} steps between them, in ${seconds.toFixed(1)} s\n` +
      `the whole space: the farthest state lies ${depth} steps from the start; either side may die ${crashes} times in all\n` +
      `promises broken: ${broken.length}; states without a way out: ${withoutWayOut.length}\n`,
  );
  for (const { promise, way } of broken.slice(0, 3)) process.stdout.write(`${promise}:\n  ${way.join('\n  ')}\n`);
  for (const world of withoutWayOut.slice(0, 3)) process.stdout.write(`no way out: ${JSON.stringify(world)}\n`);
}
process.exitCode = broken.length + withoutWayOut.length === 0 ? 0 : 1;
