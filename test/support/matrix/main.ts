import { parseArgs } from 'node:util';
import { planCases } from './plan.js';
import { randomFrom, shuffled } from './random.js';
import { runMatrix } from './run-matrix.js';
import type { Case } from './run-case.js';

/* `npm run test:faults`: the fault matrix as a command. */

const HELP = `npm run test:faults -- [options]
  --json           one JSON object on stdout, at the end
  --seed S         the order of the cases, and the random ones; printed, so that a run can be repeated
  --only TEXT      only cases whose id contains it, such as clean/kill-dest@dest:rename:after#1
  --random         pairs of faults at random moments, for as long as --minutes says
  --minutes N      how long [5]
  --at-once N      cases that go on at once [three a core]
  --list           print the ids of the cases and stop
`;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seed: { type: 'string' },
    only: { type: 'string' },
    random: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '5' },
    'at-once': { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function* pairs(cases: readonly Case[], random: () => number, untilMs: number): Generator<Case> {
  while (performance.now() < untilMs) {
    const [one, other] = [0, 1].map(() => cases[Math.floor(random() * cases.length)]);
    const faults = [...one.faults, ...other.faults];
    yield { id: `random/${faults.map(({ kind, at }) => `${kind}@${at}`).join('+')}`, faults };
  }
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed ${values.seed ?? ''}: not a number`);
  const random = randomFrom(seed);
  const { only } = values;
  const planned = (await planCases()).filter(({ id }) => only === undefined || id.includes(only));
  if (values.list) {
    process.stdout.write(planned.map(({ id }) => `${id}\n`).join(''));
    return 0;
  }
  if (planned.length === 0) throw new Error(`no case has ${JSON.stringify(only)} in its id; --list shows them`);
  const cases = values.random
    ? pairs(planned, random, performance.now() + Number(values.minutes) * 60_000)
    : shuffled(planned, random);
  if (!values.json) process.stdout.write(`fault matrix: seed ${seed}, ${planned.length} cases planned\n`);
  let done = 0;
  const report = await runMatrix(cases, {
    ...(values['at-once'] === undefined ? {} : { atOnce: Number(values['at-once']) }),
    onResult: ({ id, result, problem, ms }) => {
      done += 1;
      if (result === 'failed') process.stderr.write(`FAILED ${id} (${Math.round(ms)} ms): ${problem ?? ''}\n`);
      else if (done % 50 === 0) process.stderr.write(`${done} cases\n`);
    },
  });
  if (values.json) process.stdout.write(`${JSON.stringify({ seed, ...report })}\n`);
  else {
    const ends = Object.entries(report.byEnd).map(([end, count]) => `${count} ${end}`);
    process.stdout.write(
      `${report.passed} of ${report.cases} passed, ${report.failed.length} failed, ${report.missed.length} did not come by their moment, in ${report.seconds.toFixed(0)} s\n` +
        `how the attempts ended: ${ends.join(', ')}\n` +
        `repeat with --seed ${seed}\n`,
    );
  }
  return report.failed.length + report.descriptorsLeft.length === 0 && report.passed > 0 ? 0 : 1;
}

process.exitCode = await main();
