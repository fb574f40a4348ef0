// The benchmark: xenferry's whole path and its peers, alternating, in one run. See `--help`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { issueCertificate } from '../dist/pki/host-dir.js';
import { initAuthority } from '../dist/pki/authority-dir.js';
import { startBusyLoops } from './busy.mjs';
import { CONTENDERS, makeKeys, missingPrograms } from './contenders.mjs';
import { prepareInputs, repeated } from './inputs.mjs';
import { runMicro } from './micro.mjs';
import { plot } from './plot.mjs';
import { printScaling, scalingOf } from './scaling.mjs';
import { loopbackBytes } from './sides.mjs';
import { measureStartUp } from './start-up.mjs';

const INPUTS = ['real', 'generated', 'incompressible', 'zero'];
/** Debian's packages with the peers' programs. */
const PACKAGES = ['openssh-client', 'openssh-server', 'socat', 'stunnel4', 'zstd'];
/** How long a receiver that has all may take to end. */
const END_MS = 5000;
const NAMESPACE = 'XENFERRY_BENCH_NAMESPACE';

const HELP = `npm run bench -- [options]
  --json             one JSON object on stdout; without it, a table
  --only A,B         inputs or contenders to keep to: ${[...INPUTS, ...Object.keys(CONTENDERS)].join(', ')}
  --input FILE       the real stream (a libxl save stream, perhaps .xz, .gz or .zst)
  --bytes N,M        lengths of the streams at least, in MiB [128,8192]
  --runs N           runs of each pair, alternating [5]
  --quick            256 MiB, 2 runs
  --lanes N          xenferry's lanes [1]
  --compress WHAT    xenferry's compression: auto, none or a level [auto]
  --link RATE,DELAY  a slower link, as tc names it: 1gbit,5ms (needs root; without the kernel's netem there is no delay)
  --busy N           so many busy loops beside
  --scaling          CPU time of each thread instead, and the rate at which the busiest one would be full
  --start-up         the time of \`xenferry migrate\` for a guest of 16 MiB instead
  --install          apt-get install what is missing
  --micro            the stages one by one instead
  --plot FILE        an SVG of the medians
`;

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    input: { type: 'string' },
    bytes: { type: 'string' },
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    lanes: { type: 'string', default: '1' },
    busy: { type: 'string', default: '0' },
    scaling: { type: 'boolean', default: false },
    'start-up': { type: 'boolean', default: false },
    compress: { type: 'string', default: 'auto' },
    link: { type: 'string' },
    install: { type: 'boolean', default: false },
    micro: { type: 'boolean', default: false },
    plot: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const say = (text) => process.stderr.write(`${text}\n`);

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A network namespace of our own: its loopback carries nothing else, and may be slowed down. Does not return where it is made. */
function enterNamespace() {
  if (process.env[NAMESPACE] !== undefined) return true;
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) return false;
  const again = spawnSync(
    'unshare',
    ['--net', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, [NAMESPACE]: '1' } },
  );
  process.exit(again.status ?? 1);
}

/** Slows the namespace's loopback down. */
function shapeLink(link) {
  const [rate, delay] = link.toLowerCase().split(',');
  const shape = ['qdisc', 'replace', 'dev', 'lo', 'root'];
  const netem = spawnSync('tc', [...shape, 'netem', 'rate', rate, 'delay', delay ?? '0ms', 'limit', '100000']);
  if (netem.status === 0) return { rate, delay: delay ?? '0ms' };
  const tbf = spawnSync('tc', [...shape, 'tbf', 'rate', rate, 'burst', '2mb', 'latency', '50ms']);
  if (tbf.status === 0) {
    say(`bench: this kernel has no netem: the link has ${rate}, but no delay`);
    return { rate, delay: '0ms' };
  }
  say('bench: this kernel has neither netem nor tbf: --link cannot be had here');
  process.exit(3);
}

async function once(name, input, context) {
  const contender = CONTENDERS[name];
  const { dir, settings } = context;
  const running = await contender.start(dir, input, settings);
  try {
    const wireBefore = loopbackBytes();
    const since = process.hrtime.bigint();
    const sender = await running.go();
    if (contender.saysDone) await running.receiver.line();
    const seconds = Number(process.hrtime.bigint() - since) / 1e9;
    const wireBytes = loopbackBytes() - wireBefore;
    await running.finish?.();
    // What ends by itself says what it has cost; a server has to be stopped.
    if (!contender.staysUp) await Promise.race([running.receiver.ended, sleep(END_MS, undefined, { ref: false })]);
    running.receiver.stop();
    await running.receiver.ended;
    return {
      gbps: input.rawBytes / seconds / 1e9,
      cpu: ((sender.cpuSeconds + running.receiver.cpuSeconds) / input.rawBytes) * 1e9,
      wireBytes,
      peak: Math.max(sender.peakRssBytes, running.receiver.peakRssBytes),
      said: sender.said,
      far: running.receiver.said,
    };
  } finally {
    running.receiver.stop();
  }
}

/** One more run of a pair that stays. */
async function onceWarm(pair, input, settings) {
  const wireBefore = loopbackBytes();
  const { said, seconds, cpuSeconds } = await pair.run(input, settings);
  return {
    gbps: input.rawBytes / seconds / 1e9,
    cpu: (cpuSeconds / input.rawBytes) * 1e9,
    wireBytes: loopbackBytes() - wireBefore,
    peak: Math.max(pair.sender.peakRssBytes, pair.receiver.peakRssBytes),
    said,
  };
}

const load = () =>
  loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');

async function runsOf(input, names, context) {
  const runs = new Map(names.map((name) => [name, []]));
  const pairs = new Map();
  try {
    for (let run = 0; run < context.runs; run += 1) {
      for (const name of names) {
        const contender = CONTENDERS[name];
        let result;
        if (contender.isWarm) {
          if (!pairs.has(name)) {
            pairs.set(name, await contender.open(context.dir));
            await onceWarm(pairs.get(name), input, context.settings); // this one warms them
          }
          result = await onceWarm(pairs.get(name), input, context.settings);
        } else result = await once(name, input, context);
        runs.get(name).push(result);
        const figures = `${result.gbps.toFixed(2)} GB/s, ${result.cpu.toFixed(2)} CPU s/GB`;
        say(`${input.name} ${input.mib} MiB, run ${run + 1}: ${name} ${figures}; load ${load()}`);
      }
    }
  } finally {
    for (const pair of pairs.values()) pair.close();
  }
  return runs;
}

async function compare(context, inputs, names) {
  const results = [];
  for (const input of inputs) {
    for (const file of new Set(input.files)) readFileSync(file).length; // into the page cache
    for (const [name, all] of await runsOf(input, names, context)) {
      results.push({
        input: input.name,
        contender: name.replace(/-warm$/, ''),
        warm: CONTENDERS[name].isWarm === true,
        node: process.version,
        bytes: input.mib * 2 ** 20,
        medianGBps: median(all.map((one) => one.gbps)),
        minGBps: Math.min(...all.map((one) => one.gbps)),
        maxGBps: Math.max(...all.map((one) => one.gbps)),
        cpuSecondsPerGB: median(all.map((one) => one.cpu)),
        wireBytes: context.ownNamespace ? median(all.map((one) => one.wireBytes)) : (all[0].said?.wireBytes ?? null),
        rawBytes: input.rawBytes,
        peakRssBytes: Math.max(...all.map((one) => one.peak)),
        ...(all.at(-1).said === undefined ? {} : { stages: all.at(-1).said.stages }),
      });
    }
  }
  return results;
}

function printTable(results) {
  const row = (...cells) =>
    process.stdout.write(`${cells.map((cell, at) => (at < 2 ? cell.padEnd(22) : cell.padStart(11))).join('')}\n`);
  row('input', 'contender', 'GB/s', 'min', 'max', 'x openssh', 'x tcp', 'CPU s/GB', 'wire/raw', 'peak MiB');
  for (const one of results) {
    const beside = (name) =>
      results.find((other) => other.input === one.input && other.bytes === one.bytes && other.contender === name);
    const times = (other) => (other === undefined ? '' : (one.medianGBps / other.medianGBps).toFixed(2));
    row(
      `${one.input} ${one.bytes / 2 ** 20} MiB`,
      one.warm ? `${one.contender}, warm` : one.contender,
      one.medianGBps.toFixed(2),
      one.minGBps.toFixed(2),
      one.maxGBps.toFixed(2),
      times(beside('openssh')),
      times(beside('socat-tcp')),
      one.cpuSecondsPerGB.toFixed(2),
      one.wireBytes === null ? '' : (one.wireBytes / one.rawBytes).toFixed(3),
      (one.peakRssBytes / 2 ** 20).toFixed(0),
    );
  }
}

/** CPU time of each thread in one run of each input. */
async function scale(context, inputs) {
  process.env.XENFERRY_BENCH_THREADS = '1';
  const results = [];
  for (const input of inputs) {
    const { said, far, gbps } = await once('xenferry', input, context);
    const result = scalingOf({ source: said, destination: far }, input.rawBytes);
    results.push({
      input: input.name,
      bytes: input.mib * 2 ** 20,
      node: process.version,
      measuredGBps: gbps,
      ...result,
    });
    if (!options.json) printScaling(`${input.name} ${input.mib} MiB`, result);
  }
  return results;
}

async function startUp(dir, runs) {
  const rows = await measureStartUp(dir, runs, say);
  return rows.map(({ warm, moves }) => ({
    warm,
    node: process.version,
    medianMs: median(moves.map(({ wallMs }) => wallMs)),
    minMs: Math.min(...moves.map(({ wallMs }) => wallMs)),
    maxMs: Math.max(...moves.map(({ wallMs }) => wallMs)),
    migrationMs: median(moves.map(({ totalMs }) => totalMs)),
    downtimeMs: median(moves.map(({ downtimeMs }) => downtimeMs)),
  }));
}

function machine(link, loadBefore) {
  return {
    cpu: cpus()[0].model,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    date: new Date().toISOString(),
    load: { before: loadBefore, after: loadavg() },
    ...(Number(options.busy) === 0 ? {} : { busyLoops: Number(options.busy) }),
    ...(link === undefined ? {} : { link }),
  };
}

function settingsOf() {
  const { lanes, compress } = options;
  const compression = compress === 'auto' || compress === 'none' ? compress : { level: Number(compress) };
  return { lanes: Number(lanes), compression };
}

async function main() {
  if (options.help) return void process.stdout.write(HELP);
  if (options.input !== undefined && !existsSync(options.input))
    throw new Error(`--input ${options.input}: no such file`);
  const only = options.only?.split(',');
  const keep = (all) => {
    const kept = all.filter((name) => only?.includes(name) ?? true);
    return kept.length === 0 ? all : kept;
  };
  const dir = mkdtempSync(join(tmpdir(), 'xenferry-bench-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  const lengths = (options.bytes ?? (options.quick ? '256' : '128,8192')).split(',').map(Number);
  if (!lengths.every((mib) => mib > 0)) throw new Error(`--bytes ${options.bytes}: MiB are needed`);
  const inputs = (names) =>
    prepareInputs({ names, input: options.input, dir }).flatMap((made) => lengths.map((mib) => repeated(made, mib)));
  if (options.micro) return runMicro(prepareInputs({ names: keep(INPUTS), input: options.input, dir }), options.json);

  if (options.install && process.env[NAMESPACE] === undefined) {
    execFileSync('apt-get', ['install', '-y', ...PACKAGES], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const ownNamespace = enterNamespace();
  if (ownNamespace) execFileSync('ip', ['link', 'set', 'lo', 'up']);
  else say('bench: no network namespace of our own (that needs root): bytes on the wire are xenferry’s own count');
  if (options.link !== undefined && !ownNamespace) throw new Error('--link needs a network namespace, and so root');
  const link = options.link === undefined ? undefined : shapeLink(options.link);

  const usual = Object.keys(CONTENDERS).filter((name) => name !== 'xenferry-plain' || only?.includes(name));
  const names = (only === undefined ? usual : keep(usual)).filter((name) => {
    const missing = missingPrograms(name);
    if (missing.length > 0) say(`bench: ${name} is left out: ${missing.join(', ')} missing (--install gets it)`);
    return missing.length === 0;
  });
  makeKeys(dir);
  await initAuthority(join(dir, 'ca'), {});
  await issueCertificate(join(dir, 'ca'), { hosts: ['127.0.0.1'], out: join(dir, 'tls') });
  const runs = Number(options.runs ?? (options.quick ? 2 : 5));
  const context = { dir, runs, ownNamespace, settings: settingsOf() };
  const loadBefore = loadavg();
  const busy = startBusyLoops(Number(options.busy));
  let results;
  try {
    if (options['start-up']) results = await startUp(dir, runs);
    else if (options.scaling) results = await scale(context, inputs(keep(INPUTS)));
    else results = await compare(context, inputs(keep(INPUTS)), names);
  } finally {
    await busy.stop();
  }
  const report = { machine: machine(link, loadBefore), results };
  if (options.json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else if (options['start-up']) for (const row of results) process.stdout.write(`${startUpText(row)}\n`);
  else if (!options.scaling) printTable(results);
  say(`bench: load average ${loadBefore.map((one) => one.toFixed(1)).join(' ')} before, ${load()} after`);
  if (options.plot !== undefined) writeFileSync(options.plot, plot(report));
}

const startUpText = ({ warm, medianMs, minMs, maxMs, migrationMs, downtimeMs }) =>
  `migrate of 16 MiB, ${warm ? 'warm daemons' : 'a process of its own'}: ${medianMs.toFixed(0)} ms ` +
  `(${minMs.toFixed(0)} to ${maxMs.toFixed(0)}), of which the migration ${migrationMs}, downtime ${downtimeMs}`;

try {
  await main();
} catch (error) {
  say(`bench: ${error.message}`);
  process.exitCode = 1;
}
