// How long `xenferry migrate` takes for a guest of 16 MiB, from the start of the program to its end: between daemons, and by
// itself to a daemon.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BUNDLER = fileURLToPath(new URL('../scripts/bundle.mjs', import.meta.url));
/** The program as it is installed; a checkout runs without it. */
const BUNDLE = fileURLToPath(new URL('../dist/run', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../bin/xenferry.js', import.meta.url));
const ENV = { ...process.env, XENFERRY_MONITOR: 'off' };
/** A daemon starts the agent for its next transfer so long after the last one. */
const PAUSE_MS = 4000;
const GUEST = `<domain type='xen'>
  <name>small</name>
  <memory unit='MiB'>16</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='xenpvh'>xenpvh</type>
    <kernel>/var/lib/xen/images/guest-vmlinuz</kernel>
  </os>
</domain>
`;

class Pair {
  #servers = [];
  #here = 0;

  constructor(dir, tls) {
    this.dir = dir;
    this.tls = tls;
  }

  #host(index) {
    return `embedded://${join(this.dir, `host-${index}`)}`;
  }

  async open() {
    for (const index of [0, 1]) {
      const words = [
        '-c',
        this.#host(index),
        'serve',
        '--listen',
        '127.0.0.1:0',
        '--tls-dir',
        this.tls,
        '--allow',
        '*',
      ];
      const child = spawn(process.execPath, [PROGRAM, ...words], { env: ENV, stdio: ['ignore', 'pipe', 'ignore'] });
      const [line] = await once(createInterface(child.stdout), 'line');
      this.#servers.push({ child, address: JSON.parse(line).listening });
    }
    const xml = join(this.dir, 'small.xml');
    writeFileSync(xml, GUEST);
    const made = spawnSync(process.execPath, [PROGRAM, '-c', this.#host(0), 'create', xml], {
      env: ENV,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(made.stderr);
  }

  /** Moves the guest to the other host. @returns the parts of what that took, in ms */
  async move(isWarm) {
    const there = this.#servers[1 - this.#here].address;
    const words = ['-c', this.#host(this.#here), 'migrate', '--live', 'small', `xen+tls://${there}/system`];
    const more = ['--json', '--progress', 'none', ...(isWarm ? [] : ['--no-p2p', '--tls-dir', this.tls])];
    const since = performance.now();
    const child = spawn(process.execPath, [PROGRAM, ...words, ...more], {
      env: ENV,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
    const [code] = await once(child, 'close');
    const wallMs = performance.now() - since;
    if (code !== 0) throw new Error(`migrate ended with ${code}: ${text}`);
    this.#here = 1 - this.#here;
    const { totalMs, downtimeMs } = JSON.parse(text);
    return { wallMs, totalMs, downtimeMs };
  }

  async close() {
    for (const { child } of this.#servers) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
  }
}

/** Rows for warm daemons and for a process of its own; medians are the caller's. */
export async function measureStartUp(dir, runs, say) {
  execFileSync(process.execPath, [BUNDLER]);
  try {
    return await bothWays(dir, runs, say);
  } finally {
    rmSync(BUNDLE, { recursive: true });
  }
}

async function bothWays(dir, runs, say) {
  const rows = [];
  for (const isWarm of [true, false]) {
    const folder = join(dir, `start-up-${isWarm ? 'warm' : 'cold'}`);
    mkdirSync(folder);
    const pair = new Pair(folder, join(dir, 'tls'));
    await pair.open();
    try {
      await sleep(PAUSE_MS);
      await pair.move(isWarm); // compiles what a daemon has compiled already
      const moves = [];
      for (let run = 0; run < runs; run += 1) {
        await sleep(PAUSE_MS);
        const move = await pair.move(isWarm);
        say(`migrate of 16 MiB, ${isWarm ? 'warm' : 'cold'}, run ${run + 1}: ${move.wallMs.toFixed(0)} ms`);
        moves.push(move);
      }
      rows.push({ warm: isWarm, moves });
    } finally {
      await pair.close();
    }
  }
  return rows;
}
