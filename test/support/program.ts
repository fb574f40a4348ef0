import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// A monitor is a process more for each host of each test; those that are about it switch it on.
process.env.XENFERRY_MONITOR = 'off';

/** The built program, as a user runs it. */
export const PROGRAM = fileURLToPath(new URL('../../bin/xenferry.js', import.meta.url));

export interface Finished {
  /** 128 + the number of the signal where one ended it, as a shell says it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `xenferry`, with what it has printed so far. */
export class Running {
  stdout = '';
  stderr = '';
  readonly finished: Promise<Finished>;
  readonly #watchers = new Set<() => void>();

  constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      for (const watch of this.#watchers) watch();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      for (const watch of this.#watchers) watch();
    });
    this.finished = once(child, 'close').then(([code, signal]) => {
      for (const watch of this.#watchers) watch();
      const number = signal === 'SIGKILL' ? 137 : signal === 'SIGTERM' ? 143 : 1;
      return { code: (code as number | null) ?? number, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Resolves when what was printed on stderr matches; rejects when the process ends first. */
  async saysOnStderr(pattern: RegExp): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const watch = (): void => {
        if (pattern.test(this.stderr)) resolve();
        else if (this.child.exitCode !== null || this.child.signalCode !== null) {
          reject(new Error(`ended before it said ${String(pattern)}:\n${this.stderr}`));
        } else return;
        this.#watchers.delete(watch);
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

export function start(words: readonly string[], env?: NodeJS.ProcessEnv): Running {
  return startScript(PROGRAM, words, env);
}

/** Another script than the program itself. */
export function startScript(
  script: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = { ...process.env, FORCE_COLOR: '' },
  stdin: 'ignore' | 'pipe' = 'ignore',
): Running {
  return new Running(spawn(process.execPath, [script, ...words], { stdio: [stdin, 'pipe', 'pipe'], env }));
}

export async function run(words: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
  return start(words, env).finished;
}

/** The one JSON value that a verb printed; fails with everything it said where it did not succeed. */
export async function runJson(words: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(words);
  if (code !== 0) throw new Error(`xenferry ${words.join(' ')} ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout);
}

/** The first line that a server prints. */
export async function firstLine(running: Running): Promise<string> {
  if (running.child.stdout === null) throw new Error('no stdout');
  const lines = createInterface(running.child.stdout);
  const ended = running.finished.then(({ stderr }) => {
    throw new Error(`ended before it was ready:\n${stderr}`);
  });
  ended.catch(() => undefined);
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  return line;
}
