import { fstatSync } from 'node:fs';
import type { OwnedFd } from '../../posix/owned-fd.js';
import { Agent, type CallOptions } from './agent.js';
import { SpareAgent } from './spare-agent.js';

/** One end of a pipe, or a file, that a transfer reads or writes. */
export interface TransferStream {
  readonly fd: OwnedFd;
  readonly flags: 'r' | 'w';
}

/** A long call of a toolstack, and the stream that goes with it. */
export interface TransferCall<T, E> extends Omit<CallOptions<T, E>, 'pipe'> {
  readonly method: string;
  readonly params: unknown;
  /** For messages: `save of domain 3`. */
  readonly what: string;
  /** Taken over: closed here once the agent has it. */
  readonly stream?: TransferStream | undefined;
}

/** The processes for a toolstack's long calls: one call each, then the process ends. */
export class TransferAgents implements Disposable {
  #spare: SpareAgent | undefined;

  /** @param entry the agents' compiled entry point */
  constructor(private readonly entry: URL) {}

  /** For a process that stays: from now on an agent waits for the next call. @param ready what it does at once */
  keepSpare(ready: (agent: Agent) => Promise<unknown>): void {
    this.#spare ??= new SpareAgent({ entry: this.entry, what: 'next transfer' }, ready);
  }

  /** Makes the call; rejects as `Agent.call` does, once the agent has ended and what it held is free. */
  async call<T, E = never>({ method, params, what, stream, ...options }: TransferCall<T, E>): Promise<T> {
    options.signal.throwIfAborted();
    // A process that is there already can open a pipe's end again; any other descriptor has to be inherited.
    const spare = stream !== undefined && fstatSync(stream.fd.fd).isFIFO() ? this.#spare?.take(what) : undefined;
    const agent = spare ?? Agent.start({ entry: this.entry, what, fds: stream === undefined ? [] : [stream.fd] });
    try {
      const done = await agent.call<T, E>(method, params, {
        ...options,
        ...(spare === undefined || stream === undefined ? {} : { pipe: stream }),
      });
      // Its end is not awaited: the guest may be suspended meanwhile.
      if (this.#spare === undefined) agent.dismiss();
      else this.#spare.retire(agent);
      return done;
    } catch (error) {
      await agent.close();
      throw error;
    } finally {
      this.#spare?.again();
    }
  }

  [Symbol.dispose](): void {
    this.#spare?.[Symbol.dispose]();
  }
}
