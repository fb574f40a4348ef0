import { parseArgs } from 'node:util';
import { hostA, hostB } from '../support/lab-host.js';
import { CONTENDERS, GUESTS, type GuestKind } from './contenders.js';
import { FineTicks } from './fine-ticks.js';

/* `scripts/lab bench`: xenferry and its peers move the same guests between the same hosts, by turns. */

const HELP = `scripts/lab bench [options]
  --json        one JSON object on stdout
  --runs N      runs of each contender with each guest, by turns [3]
  --only A,B    contenders or guests to keep to: ${[...Object.keys(CONTENDERS), ...Object.keys(GUESTS)].join(', ')}
`;
/** The guest has booted and settled by then. */
const SETTLED_TICK = 30;
const BOOT_MS = 400_000;
const MOVE_MS = 900_000;
const TICK_MS = 120_000;

interface Run {
  readonly totalMs: number;
  readonly downtimeMs: number;
}

interface Result {
  readonly contender: string;
  readonly guest: string;
  readonly totalMs: number;
  readonly downtimeMs: number;
  readonly runs: readonly Run[];
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function chosen<T extends string>(all: readonly T[], words: readonly string[]): readonly T[] {
  const named = all.filter((one) => words.includes(one));
  return named.length === 0 ? all : named;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

async function emptyHosts(): Promise<void> {
  const clean = `xl list | tail -n +3 | while read -r name _; do xl destroy "$name"; done
    rm -f /var/log/xen/console/guest-bench*`;
  await Promise.all([hostA, hostB].map((host) => host.run(clean)));
}

async function measure(contender: string, kind: GuestKind, name: string): Promise<Run> {
  const { start, move } = CONTENDERS[contender];
  await emptyHosts();
  using there = new FineTicks(hostB, name);
  using here = new FineTicks(hostA, name);
  await start(name, kind);
  await here.first(BOOT_MS);
  await hostA.ok(
    `until grep -aq 'fine ${SETTLED_TICK}\\s*$' /var/log/xen/console/guest-${name}.log; do sleep 0.5; done`,
  );
  const command = `s=$(date +%s%N); ${move(name)} >/tmp/bench.out 2>&1 || { cat /tmp/bench.out >&2; exit 1; }
    e=$(date +%s%N); echo $(((e - s) / 1000000))`;
  const totalMs = Number(await hostA.ok(command, MOVE_MS));
  const back = await there.first(TICK_MS);
  const { last } = here;
  if (last === undefined) throw new Error('the guest never ticked');
  const left = await hostA.domains();
  if (left.includes(name)) throw new Error(`${contender}: ${name} is still on ${hostA.name}`);
  if (back.number <= last.number)
    throw new Error(`${contender}: ${name} went back from ${last.number} to ${back.number}`);
  return { totalMs, downtimeMs: back.atMs - last.atMs };
}

function print(results: readonly Result[], runs: number): void {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(8);
  const lines = results.map(({ contender, guest, totalMs, downtimeMs }) => {
    const xl = results.find((one) => one.contender === 'xl' && one.guest === guest);
    const ratio = xl === undefined ? '' : `${(totalMs / xl.totalMs).toFixed(2).padStart(8)} x xl`;
    return `${contender.padEnd(18)}${guest.padEnd(8)}${seconds(totalMs)} s${seconds(downtimeMs)} s down${ratio}`;
  });
  process.stdout.write(`medians of ${runs}; the hosts are emulated on a machine that does other things as well\n`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs ${values.runs}: a number of runs is wanted`);
  const words = values.only?.split(',') ?? [];
  const names = chosen(Object.keys(CONTENDERS), words);
  const guests = chosen(Object.keys(GUESTS) as GuestKind[], words);
  const measured = new Map<string, Run[]>();
  try {
    for (const name of names) await CONTENDERS[name].prepare();
    for (let run = 1; run <= runs; run += 1) {
      for (const guest of guests) {
        for (const contender of names) {
          const one = await measure(contender, guest, `bench${process.pid}x${measured.size}r${run}${guest}`);
          const key = `${contender} ${guest}`;
          measured.set(key, [...(measured.get(key) ?? []), one]);
          const [total, down] = [one.totalMs, one.downtimeMs].map((ms) => (ms / 1000).toFixed(1));
          say(`${guest}, run ${run}: ${contender} ${total} s, guest away for ${down} s`);
        }
      }
    }
  } finally {
    for (const name of names) await CONTENDERS[name].close();
    await emptyHosts();
  }
  const results = guests.flatMap((guest) =>
    names.map((contender): Result => {
      const of = measured.get(`${contender} ${guest}`) ?? [];
      return {
        contender,
        guest,
        totalMs: Math.round(median(of.map(({ totalMs }) => totalMs))),
        downtimeMs: Math.round(median(of.map(({ downtimeMs }) => downtimeMs))),
        runs: of.map(({ totalMs, downtimeMs }) => ({ totalMs, downtimeMs: Math.round(downtimeMs) })),
      };
    }),
  );
  if (values.json) process.stdout.write(`${JSON.stringify({ date: new Date().toISOString(), results }, null, 2)}\n`);
  else print(results, runs);
}

await main();
