// Runs the two sides of a contender as groups of processes, and measures them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

const POLL_MS = 50;

/** One side: a shell command in a process group of its own; the shell says at the end what its programs have cost. */
export class Side {
  #lines = [];
  #heard;
  #closed = false;
  peakRssBytes = 0;

  constructor(command) {
    // `times` tells of all that the shell has waited for, and of what those have waited for.
    this.child = spawn('bash', ['-c', `set -o pipefail; ${command}\ncode=$?; times >&3; exit $code`], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
    });
    this.times = '';
    this.child.stdio[3].on('data', (bytes) => (this.times += bytes));
    let held = '';
    this.child.stdout.on('data', (bytes) => {
      const parts = (held + bytes).split('\n');
      held = parts.pop();
      this.#lines.push(...parts);
      this.#heard?.();
    });
    this.ended = once(this.child, 'close').then(([code]) => code);
    this.ended.then(() => {
      this.#closed = true;
      this.#heard?.();
    });
    this.poll = setInterval(() => this.#look(), POLL_MS);
    this.ended.then(() => clearInterval(this.poll));
  }

  /** The next line that it prints. */
  async line() {
    while (this.#lines.length === 0) {
      if (this.#closed) throw new Error('a side of the benchmark ended before it had said all');
      await new Promise((resolve) => (this.#heard = resolve));
    }
    return this.#lines.shift();
  }

  /** The largest process of the group, but for the programs that stand for save and restore. */
  #look() {
    for (const { pid } of this.#group()) {
      try {
        const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0;
        this.peakRssBytes = Math.max(this.peakRssBytes, Number(peak) * 1024);
      } catch {
        // it has ended meanwhile
      }
    }
  }

  /** Processor seconds of the group so far, with what its processes have started and seen end; to a hundredth. */
  groupCpuSeconds() {
    let ticks = 0;
    for (const fields of this.#group()) ticks += fields.slice(11, 15).reduce((sum, one) => sum + Number(one), 0);
    return ticks / 100;
  }

  /** What proc_pid_stat(5) has of the group's processes, from the state on. */
  #group() {
    return readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .flatMap((pid) => {
        try {
          const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
          const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
          return Number(fields[2]) === this.child.pid ? [Object.assign(fields, { pid })] : [];
        } catch {
          return []; // it has ended meanwhile
        }
      });
  }

  /** Ends the whole group. */
  stop() {
    try {
      process.kill(-this.child.pid, 'SIGTERM');
    } catch {
      // all of it has ended
    }
  }

  /** Processor seconds, system's included, of everything that has run here. */
  get cpuSeconds() {
    const children = this.times.trim().split('\n').at(-1) ?? '';
    return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0);
  }
}

/** Bytes that the loopback has carried in this network namespace; undefined where it is everybody's. */
export function loopbackBytes() {
  const line = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find((one) => one.trim().startsWith('lo:'));
  return Number(line?.split(':')[1].trim().split(/\s+/)[8] ?? 0);
}
