// One end of xenferry for the benchmark: the real handshake, codec and lanes, with a toolstack whose save and restore are
// other programs. Driven by bench/contenders.mjs and test/fault/memory.test.ts:
//   endpoint.mjs receive DIR [RESTORE...]  RESTORE reads the stream, cat by default; `again` on standard input makes room for
//                                          the next guest, an empty line ends it
//   endpoint.mjs send DIR PORT OPTIONS     one migration
//   endpoint.mjs stay DIR PORT             a migration for each line of options on standard input, as a daemon does
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { DEFAULT_DEADLINES } from '../dist/control/deadlines.js';
import { parseDomainXml } from '../dist/domain/parse.js';
import { AccessRules } from '../dist/host/access/access-rules.js';
import { Host } from '../dist/host/host.js';
import { migrate } from '../dist/migration/migrate.js';
import { openDestination } from '../dist/migration/connect/open-destination.js';
import { MigrationServer } from '../dist/migration/server/migration-server.js';
import { laneThreads } from '../dist/migration/connect/lane-threads.js';
import { parseDestinationUri } from '../dist/host/config/uri.js';
import { loadTlsDir } from '../dist/tunnel/tls-credentials.js';
import { listenTls } from '../dist/tunnel/tls-listener.js';
import { guestDomid } from '../dist/toolstack/domid.js';

const NAME = 'benchmark';
const UUID = '5e0d0000-0000-4000-8000-000000000001';
const DOMAIN = parseDomainXml(
  `<domain type='xen'><name>${NAME}</name><uuid>${UUID}</uuid><memory unit='MiB'>2048</memory><vcpu>1</vcpu>` +
    `<os><type arch='x86_64' machine='xenpvh'>xenpvh</type></os></domain>`,
);

/** A host with one guest at most, whose memory is what `command` writes or reads. */
class ProgramToolstack {
  uri = 'bench:///';
  #state;
  #name = NAME;

  constructor(state, command) {
    this.reset(state, command);
  }

  /** As if nothing had happened yet. */
  reset(state, command = this.command) {
    this.#state = state;
    this.#name = NAME;
    this.command = command;
  }

  host = async () => ({
    hostname: 'bench',
    toolstack: 'embedded',
    version: 'bench',
    participants: [],
    log: (line) => process.stderr.write(`${line}\n`),
    totalMemoryKiB: 2 ** 32,
    freeMemoryKiB: 2 ** 31,
    cpus: 1,
    streamVersions: [2, 3],
  });

  info = async () =>
    this.#state === undefined
      ? undefined
      : {
          domid: guestDomid(1),
          uuid: UUID,
          name: this.#name,
          state: this.#state,
          ...(this.#state === 'shutdown' ? { shutdownReason: 'suspend' } : {}),
          memoryKiB: 2 ** 21,
          maxMemoryKiB: 2 ** 21,
          vcpus: 1,
          cpuTimeNs: 0n,
        };
  lookup = this.info;
  list = async () => (this.#state === undefined ? [] : [await this.info()]);
  describe = async () => ({ domain: DOMAIN });

  async #run(stdin, stdout, signal) {
    const child = spawn(this.command[0], this.command.slice(1), { stdio: [stdin, stdout, 'inherit'], signal });
    return once(child, 'exit').then(([code]) => {
      if (code !== 0) throw new Error(`${this.command[0]} ended with ${code}`);
    });
  }

  async save(_domid, sink, options) {
    const done = this.#run('ignore', sink.fd, options.signal);
    sink.close();
    await done;
    this.#state = 'shutdown';
  }

  async restore(config, source, options) {
    const done = this.#run(source.fd, 'ignore', options.signal);
    source.close();
    await done;
    this.#name = config.domain.name;
    this.#state = 'paused';
    return guestDomid(1);
  }

  resume = async () => void (this.#state = 'running');
  unpause = this.resume;
  pause = async () => void (this.#state = 'paused');
  rename = async (_domid, name) => void (this.#name = name);
  destroy = async () => void (this.#state = undefined);
  async [Symbol.asyncDispose]() {}
}

const never = new AbortController().signal;
const [role, dir, ...rest] = process.argv.slice(2);

function openHost(toolstack) {
  return new Host({
    toolstack,
    stateDir: join(dir, `state-${role}-${process.pid}`),
    deadlines: DEFAULT_DEADLINES,
    pid: process.pid,
    version: 'bench',
    participants: [],
    log: (line) => process.stderr.write(`${line}\n`),
  });
}

/** Processor time of each thread of this process so far, by its name (proc_pid_stat(5)). */
function threads() {
  const ticksOf = (stat) =>
    stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
  return readdirSync('/proc/self/task').map((tid) => {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1');
    const [user, system] = ticksOf(stat);
    return { tid: Number(tid), name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')), ticks: user + system };
  });
}

/** Memory at its most, and processor time of all threads, without the programs at either end. */
function spent() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakRssBytes: maxRSS * 1024,
    ...(process.env.XENFERRY_BENCH_THREADS === undefined ? {} : { threads: threads() }),
  };
}

const say = (words, then) => process.stdout.write(`${JSON.stringify(words)}\n`, then);
const log = (line) => process.stderr.write(`${line}\n`);

async function receive() {
  const toolstack = new ProgramToolstack(undefined, rest.length === 0 ? ['cat'] : rest);
  const host = openHost(toolstack);
  const pool = laneThreads();
  const migrationServer = new MigrationServer(host, await host.hello(never), log, new AccessRules(['*']));
  const listener = await listenTls({
    host: '127.0.0.1',
    port: 0,
    credentials: loadTlsDir(join(dir, 'tls')),
    onLink: (link) => migrationServer.accept(link),
    ...(pool === undefined ? {} : { threads: { pool, onLink: (link) => migrationServer.acceptFramed(link) } }),
    onRefused: ({ reason }) => process.stderr.write(`${reason.message}\n`),
  });
  say({ port: listener.port });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'again') break;
    toolstack.reset(undefined);
    say({ ready: true });
  }
  say(spent(), () => process.exit(0));
}

async function send(host, toolstack, port, options, pool) {
  toolstack.reset('running', options.save ?? ['cat', ...options.files]);
  const uri = parseDestinationUri(`xen+tls://127.0.0.1:${port}/system`);
  const dialing = {
    tlsDir: join(dir, 'tls'),
    ssh: { channelsOnly: false },
    onNotice: () => undefined,
    threads: pool,
  };
  const destination = await openDestination(uri, dialing, () => host.hello(never));
  try {
    const report = await migrate(host, {
      domain: NAME,
      destination: uri.text,
      connect: destination.connect,
      live: true,
      suspend: false,
      lanes: options.lanes,
      compression: options.compression,
      cancel: never,
      abandon: never,
      onProgress: () => undefined,
    });
    const { rawBytes, wireBytes, transferMs, totalMs, stages, digest } = report;
    return { rawBytes, wireBytes, transferMs, totalMs, stages, digest, ...spent() };
  } finally {
    await destination[Symbol.asyncDispose]();
  }
}

if (role === 'receive') {
  await receive();
} else {
  const [port, text] = rest;
  const toolstack = new ProgramToolstack(undefined, ['true']);
  const host = openHost(toolstack);
  if (role === 'send') {
    say(await send(host, toolstack, port, JSON.parse(text)), () => process.exit(0));
  } else {
    const pool = laneThreads();
    say({ ready: true });
    for await (const line of createInterface({ input: process.stdin })) {
      say(await send(host, toolstack, port, JSON.parse(line), pool));
    }
    process.exit(0);
  }
}
