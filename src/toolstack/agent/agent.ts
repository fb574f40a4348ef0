import { spawn, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { messageLine, MessageReader } from '../../channel/message-lines.js';
import type { ZodType } from '../../errors/zod.js';
import { AbortedError, InvariantError, ToolstackError, XenferryError } from '../../errors/errors.js';
import { asError, messageOf } from '../../errors/message-of.js';
import { compileCacheFolder } from '../../posix/compile-cache.js';
import type { OwnedFd } from '../../posix/owned-fd.js';
import { answerSchema, MAX_LINE_BYTES, type AgentAnswer, type AgentRequest } from './protocol.js';
import { rebuildError } from './rebuild-error.js';
import { StderrTail } from './stderr-tail.js';

/** Longest time for a cancelled call to end by itself. */
const CANCEL_GRACE_MS = 5_000;
/** Time between SIGTERM and SIGKILL. */
const TERM_GRACE_MS = 1_000;
/** Longest time that children of a dead agent may keep its pipes open. */
const LAST_WORDS_MS = 2_000;

/** Options of an agent. */
export interface AgentOptions {
  /** The compiled entry point, from `agentEntry`. */
  readonly entry: URL;
  /** Its purpose, for messages: `save of domain 3`. */
  readonly what: string;
  /** Takes ownership: inherited as descriptors 4, 5, ...; our copies are closed when this returns or throws. */
  readonly fds?: readonly OwnedFd[];
  readonly cancelGraceMs?: number;
}

/** Options of a call. */
export interface CallOptions<T, E> {
  /** Cancels the call: by a request first, then by killing the agent. */
  readonly signal: AbortSignal;
  readonly result: ZodType<T>;
  readonly event?: { readonly schema: ZodType<E>; readonly heard: (event: E) => void };
  /**
   * One end of a pipe, for an agent that was started before it. Takes ownership: closed here once the agent has opened
   * it.
   */
  readonly pipe?: { readonly fd: OwnedFd; readonly flags: 'r' | 'w' };
}

interface OpenCall {
  readonly answered: (answer: AgentAnswer) => void;
  readonly died: (error: Error) => void;
}

/**
 * A child process that makes toolstack calls for us, so that C code and long copying stay out of
 * this one, a stuck call can be killed, and a second core is used. It ends when our end of its
 * standard input closes, so it never outlives us.
 */
export class Agent implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  #what: string;
  readonly #tail: StderrTail;
  readonly #cancelGraceMs: number;
  readonly #open = new Map<number, OpenCall>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #death: Error | undefined;

  private constructor(child: ChildProcess, pipes: AgentPipes, options: AgentOptions) {
    this.#child = child;
    this.#stdin = pipes.stdin;
    this.#what = options.what;
    this.#cancelGraceMs = options.cancelGraceMs ?? CANCEL_GRACE_MS;
    this.#tail = new StderrTail(pipes.stderr);
    this.#stdin.on('error', () => undefined); // the agent died; its exit is what is reported
    this.#listen(pipes.answers);
    this.#exited = new Promise((resolve) => {
      // 'close' comes after the last answer and the last line of stderr.
      child.on('close', (code, signal) => {
        this.#die(this.#deathError(code, signal));
        resolve();
      });
      child.on('exit', (code) => {
        if (code === 0) return;
        // Its children may be stuck and hold our pipes: they are not waited for.
        wakeGroup(child.pid);
        const giveUp = (): void => {
          pipes.stderr.destroy();
          pipes.answers.destroy();
        };
        // After reading the pipes once more: this process may have been busy meanwhile.
        const timer = setTimeout(() => setImmediate(giveUp), LAST_WORDS_MS);
        child.on('close', () => clearTimeout(timer));
      });
      child.on('error', (cause) => {
        this.#die(
          new ToolstackError('E_TOOLSTACK_AGENT_START', `the agent for the ${this.#what} could not be started`, {
            cause,
            hint: 'Check that the program is installed completely, and that this host can start more processes.',
          }),
        );
        resolve();
      });
    });
  }

  static start(options: AgentOptions): Agent {
    const fds = options.fds ?? [];
    const cache = compileCacheFolder();
    try {
      const child = spawn(process.execPath, [fileURLToPath(options.entry)], {
        stdio: ['pipe', 'ignore', 'pipe', 'pipe', ...fds.map((fd) => fd.fd)],
        // Not in our foreground group: Ctrl-C at a terminal reaches us, and we cancel the agent's calls.
        detached: true,
        env: { ...process.env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
      });
      return new Agent(child, pipesOf(child), options);
    } finally {
      for (const fd of fds) fd.close();
    }
  }

  /** Sets its purpose, for messages. */
  assign(what: string): void {
    this.#what = what;
  }

  /** Whether it has ended, as far as is known. */
  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /** Its process id; undefined if the process could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Makes a call. Rejects with the agent's own error; with the signal's reason if it was cancelled;
   * with `ToolstackError` E_TOOLSTACK_AGENT_DIED if the agent ended without an answer. A call
   * that was done when the cancel arrived still resolves.
   */
  async call<T, E = never>(method: string, params: unknown, options: CallOptions<T, E>): Promise<T> {
    options.signal.throwIfAborted();
    if (this.#death !== undefined) throw this.#death;
    const id = ++this.#lastId;
    const timers: NodeJS.Timeout[] = [];
    const onAbort = (): void => {
      this.#say({ id, cancel: true });
      timers.push(
        setTimeout(() => this.#child.kill('SIGTERM'), this.#cancelGraceMs),
        setTimeout(() => this.#child.kill('SIGKILL'), this.#cancelGraceMs + TERM_GRACE_MS),
      );
    };
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#open.set(id, {
          answered: (answer) => {
            if ('opened' in answer) {
              options.pipe?.fd.close();
              return;
            }
            if (!('event' in answer)) this.#say({ id, heard: true });
            try {
              if ('error' in answer) reject(rebuildError(answer.error));
              else if ('event' in answer) options.event?.heard(options.event.schema.parse(answer.event));
              else resolve(options.result.parse(answer.result));
            } catch (cause) {
              reject(new InvariantError(`the agent for the ${this.#what} gave an answer of the wrong form`, { cause }));
            }
          },
          died: reject,
        });
        const { pipe } = options;
        this.#say({
          id,
          call: method,
          params,
          ...(pipe === undefined ? {} : { pipe: { path: `/proc/${process.pid}/fd/${pipe.fd.fd}`, flags: pipe.flags } }),
        });
        options.signal.addEventListener('abort', onAbort, { once: true });
      });
    } catch (error) {
      throw options.signal.aborted ? abortOf(options.signal, error) : error;
    } finally {
      options.pipe?.fd.close();
      this.#open.delete(id);
      options.signal.removeEventListener('abort', onAbort);
      for (const timer of timers) clearTimeout(timer);
    }
  }

  /** Ends the agent and waits for its end; open calls reject. */
  async close(): Promise<void> {
    this.dismiss();
    await this.#exited;
  }

  /** Ends the agent without waiting: its work is done, and ending a process must not add to a guest's downtime. */
  dismiss(): void {
    this.#stdin.end();
    const timers = [
      setTimeout(() => this.#child.kill('SIGTERM'), this.#cancelGraceMs),
      setTimeout(() => this.#child.kill('SIGKILL'), this.#cancelGraceMs + TERM_GRACE_MS),
    ];
    void this.#exited.then(() => {
      for (const timer of timers) clearTimeout(timer);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #say(request: AgentRequest): void {
    if (this.#stdin.writable) this.#stdin.write(messageLine(request));
  }

  #listen(answers: Readable): void {
    const reader = new MessageReader(answerSchema, MAX_LINE_BYTES);
    answers.on('error', () => undefined); // the agent died; its exit is what is reported
    answers.on('data', (chunk: Buffer) => {
      try {
        for (const answer of reader.push(chunk)) this.#open.get(answer.id)?.answered(answer);
      } catch (cause) {
        this.#die(new InvariantError(`the agent for the ${this.#what} wrote an invalid answer`, { cause }));
        this.#child.kill('SIGKILL');
      }
    });
  }

  #die(error: Error): void {
    this.#death ??= error;
    for (const call of [...this.#open.values()]) call.died(this.#death);
  }

  #deathError(code: number | null, signal: NodeJS.Signals | null): ToolstackError {
    const how = signal === null ? `exit status ${String(code)}` : `signal ${signal}`;
    const tail = this.#tail.lines();
    const last = tail.at(-1);
    return new ToolstackError(
      'E_TOOLSTACK_AGENT_DIED',
      `the agent for the ${this.#what} died (${how})${last === undefined ? '' : `: ${last}`}`,
      {
        hint: 'Check the domain before trying again: the call may have been interrupted at any point.',
        data: { exitCode: code, signal, stderr: tail },
      },
    );
  }
}

/**
 * Wakes the rest of the process group that an agent led, so that a stopped helper notices that it is alone, and ends. A
 * running script of libxl is not disturbed.
 */
function wakeGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGCONT');
  } catch {
    // nobody is left
  }
}

interface AgentPipes {
  readonly stdin: Writable;
  readonly stderr: Readable;
  readonly answers: Readable;
}

function pipesOf(child: ChildProcess): AgentPipes {
  const answers = child.stdio[3];
  if (
    child.stdin === null ||
    child.stderr === null ||
    answers === null ||
    answers === undefined ||
    !('read' in answers)
  ) {
    throw new InvariantError('an agent was started without its pipes');
  }
  return { stdin: child.stdin, stderr: child.stderr, answers };
}

/** The error of a cancelled call: the reason for the abort, as an error of ours. */
function abortOf(signal: AbortSignal, ended: unknown): XenferryError {
  const reason = asError(signal.reason);
  return reason instanceof XenferryError ? reason : new AbortedError(messageOf(reason), { cause: ended });
}
