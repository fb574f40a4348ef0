import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { LabHost } from '../support/lab-host.js';

/** A fine tick of a guest: its number, and when it was seen, in ms of this machine's one clock. */
export interface FineTick {
  readonly number: number;
  readonly atMs: number;
}

/**
 * Sees a guest's fine ticks (`lab.fine`, ten a second) on one host as they are printed. One clock for both hosts: the
 * lines come over ssh and are timed here. Under emulation that is good to a fifth of a second or so.
 */
export class FineTicks implements Disposable {
  #first: FineTick | undefined;
  #last: FineTick | undefined;
  readonly #child;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly host: LabHost,
    private readonly guest: string,
  ) {
    const log = `/var/log/xen/console/guest-${guest}`;
    const command = `exec tail -q -n 0 -F ${log}.log ${log}--incoming.log 2>/dev/null`;
    this.#child = spawn('ssh', [...host.sshWords, command], { stdio: ['ignore', 'pipe', 'ignore'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const found = /\bfine (\d+)\s*$/.exec(line);
      if (found === null) return;
      this.#last = { number: Number(found[1]), atMs: performance.now() };
      this.#first ??= this.#last;
      for (const wake of this.#waiting) wake();
    });
  }

  get last(): FineTick | undefined {
    return this.#last;
  }

  /** The first tick that was seen here. @throws where none comes in time */
  async first(deadlineMs: number): Promise<FineTick> {
    const until = performance.now() + deadlineMs;
    while (this.#first === undefined) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new Error(`${this.host.name}: no fine tick of ${this.guest} in ${deadlineMs / 1000} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      this.#waiting.clear();
    }
    return this.#first;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
