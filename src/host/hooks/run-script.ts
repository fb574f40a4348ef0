import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { closeSync } from 'node:fs';
import { basename } from 'node:path';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deadline } from '../../errors/deadline.js';
import { RefusedError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { printableLine } from '../../errors/printable.js';
import { pastedWord } from '../../errors/shell-words.js';
import { argumentsOf, type HookCall } from './hook-call.js';
import { openFolderOf } from './scripts.js';

/** Limits of a script's run. */
export interface ScriptLimits {
  /** The only variables that a script sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** After this time the script and its children are killed. */
  readonly timeMs: number;
}

/** Longest output of a `migrate` hook, as for any domain XML. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** Output is read for this long after the script's end; later only a process that it left running holds the pipe. */
const DRAIN_MS = 500;
/** Descriptor of the script's folder in the script: the first after its standard streams. */
const FOLDER_FD = 3;
/** Longest part of its standard error that is kept, from its end. */
const MAX_ERROR_CHARS = 2000;

/**
 * Runs a hook script to its end, in a process group of its own. Resolves with what it printed.
 * @throws RefusedError `E_HOOK_FAILED` with its exit code and its standard error; `E_DEADLINE_HOOK`; `E_HOOK_OUTPUT` if
 * it prints over 1 MiB; `E_HOOK_UNSAFE` if others may change it; the signal's reason
 */
export async function runScript(
  path: string,
  call: HookCall,
  limits: ScriptLimits,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  using deadline = new Deadline(signal, limits.timeMs, 'E_DEADLINE_HOOK', `the hook ${path}`);
  const script = new Script(path, call, limits.environment);
  const onAbort = (): void => script.kill();
  deadline.signal.addEventListener('abort', onAbort);
  try {
    return await script.finished;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!deadline.signal.aborted) throw error;
    throw new RefusedError(
      'E_DEADLINE_HOOK',
      `the hook ${path} did not end within ${limits.timeMs / 1000} s at '${call.moment}' of ${call.domain}, and was killed`,
      { hint: 'A hook must be quick, and must not call xenferry for the same domain.' },
    );
  } finally {
    deadline.signal.removeEventListener('abort', onAbort);
  }
}

class Script {
  /** Resolves with its output when it has succeeded. */
  readonly finished: Promise<string>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #output: Buffer[] = [];
  #outputBytes = 0;
  #said = '';

  constructor(
    private readonly path: string,
    private readonly call: HookCall,
    environment: Readonly<Record<string, string>>,
  ) {
    const folder = openFolderOf(path);
    try {
      // An interpreter opens the script again, so it gets the folder, too; `dirname "$0"` resolves there as well.
      this.#child = spawn(`/proc/self/fd/${FOLDER_FD}/${basename(path)}`, argumentsOf(call), {
        argv0: path,
        detached: true,
        cwd: '/',
        env: { ...environment },
        stdio: ['pipe', 'pipe', 'pipe', folder],
      }) as ChildProcessByStdio<Writable, Readable, Readable>;
    } finally {
      closeSync(folder);
    }
    const { stdin, stdout, stderr } = this.#child;
    stdin.on('error', () => undefined); // a script need not read its input
    stdin.end(call.xml);
    stdout.on('data', (bytes: Buffer) => {
      this.#outputBytes += bytes.length;
      if (this.#outputBytes > MAX_OUTPUT_BYTES) this.kill();
      else this.#output.push(bytes);
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-MAX_ERROR_CHARS);
    });
    this.finished = new Promise((resolve, reject) => {
      this.#child.on('error', (cause) => {
        reject(this.#failed(`cannot be started: ${messageOf(cause)}`, cause));
      });
      this.#child.on('exit', (code, by) => {
        const drained = new AbortController();
        this.#child.once('close', () => drained.abort());
        const end = (): void => {
          stdout.destroy();
          stderr.destroy();
          if (this.#outputBytes > MAX_OUTPUT_BYTES) reject(this.#tooMuch());
          else if (code === 0) resolve(Buffer.concat(this.#output).toString('utf8'));
          else
            reject(this.#failed(code === null ? `was ended by ${by ?? 'a signal'}` : `ended with exit code ${code}`));
        };
        sleep(DRAIN_MS, undefined, { signal: drained.signal }).then(end, end);
      });
    });
  }

  /** Kills the script and its process group. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // it has ended meanwhile
    }
  }

  #failed(how: string, cause?: unknown): RefusedError {
    const said = printableLine(this.#said.trim());
    const { moment, domain } = this.call;
    return new RefusedError(
      'E_HOOK_FAILED',
      `the hook ${this.path} ${how} at '${moment}' of ${domain}${said === '' ? '' : `: ${said}`}`,
      {
        cause,
        hint: `Run it by hand to see why: ${[this.path, ...argumentsOf(this.call)].map(pastedWord).join(' ')} < domain.xml`,
      },
    );
  }

  #tooMuch(): RefusedError {
    return new RefusedError('E_HOOK_OUTPUT', `the hook ${this.path} printed over ${MAX_OUTPUT_BYTES} bytes`, {
      hint: 'A migrate hook prints nothing, or the domain XML to use.',
    });
  }
}
