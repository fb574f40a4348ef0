import { z, type ZodType } from '../../errors/zod.js';
import { Deadline } from '../../errors/deadline.js';
import { ToolstackError } from '../../errors/errors.js';
import { Agent } from '../agent/agent.js';
import { agentEntry } from '../agent/entry.js';
import { TransferAgents, type TransferStream } from '../agent/transfer-agents.js';
import type { TransferEvent, TransferOptions } from '../toolstack.js';
import { hostSchema, transferEventSchema } from './agent-protocol.js';

/** A short call that takes longer is stuck: xenstored is dead, or a device model does not answer. */
const SMALL_CALL_MS = 120_000;

export const LIBXL_AGENT = agentEntry(import.meta.url, './libxl-agent.js');

/** The child processes that use libxl: a persistent one for short calls, and one for each transfer. */
export class LibxlAgents implements AsyncDisposable {
  #queries: Agent | undefined;
  readonly #transfers = new TransferAgents(LIBXL_AGENT);

  /** For a long-lived process: an agent is started ahead of each save and restore. */
  keepSpare(): void {
    const signal = new AbortController().signal;
    this.#transfers.keepSpare((agent) => agent.call('host', {}, { signal, result: hostSchema }));
  }

  /**
   * A short call, to the persistent agent. If that died, or was killed for a cancelled call, the next call replaces it.
   */
  async ask<T>(method: string, params: unknown, result: ZodType<T>, signal?: AbortSignal): Promise<T> {
    const parent = signal ?? new AbortController().signal;
    using deadline = new Deadline(parent, SMALL_CALL_MS, 'E_DEADLINE_LIBXL', `libxl's ${method}`);
    this.#queries ??= Agent.start({ entry: LIBXL_AGENT, what: 'calls to libxl' });
    const agent = this.#queries;
    try {
      return await agent.call(method, params, { signal: deadline.signal, result });
    } catch (error) {
      const isDead = error instanceof ToolstackError && error.code.startsWith('E_TOOLSTACK_AGENT_');
      if ((isDead || deadline.signal.aborted) && this.#queries === agent) {
        this.#queries = undefined;
        await agent.close();
      }
      throw error;
    }
  }

  /** A short call in an agent of its own, so that its cancellation affects no other call. */
  async separately(method: string, what: string, params: unknown, signal: AbortSignal | undefined): Promise<void> {
    const parent = signal ?? new AbortController().signal;
    using deadline = new Deadline(parent, SMALL_CALL_MS, 'E_DEADLINE_LIBXL', `the ${what}`);
    await this.transfer(method, what, undefined, params, z.unknown(), { signal: deadline.signal });
  }

  /** A long call, in an agent of its own. */
  async transfer<T>(
    method: string,
    what: string,
    stream: TransferStream | undefined,
    params: unknown,
    result: ZodType<T>,
    options: TransferOptions,
  ): Promise<T> {
    let lastError: string | undefined;
    const heard = (event: TransferEvent): void => {
      if (event.type === 'log' && event.level === 'error') lastError = event.text;
      options.onEvent?.(event);
    };
    const { signal } = options;
    const event = { schema: transferEventSchema, heard };
    try {
      return await this.#transfers.call<T, TransferEvent>({ method, params, what, stream, signal, result, event });
    } catch (error) {
      throw withLastWords(error, lastError);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agent = this.#queries;
    this.#queries = undefined;
    this.#transfers[Symbol.dispose]();
    await agent?.close();
  }
}

/** A dead agent cannot report why; libxl's last message often does. */
function withLastWords(error: unknown, words: string | undefined): unknown {
  if (words === undefined || !(error instanceof ToolstackError) || error.code !== 'E_TOOLSTACK_AGENT_DIED')
    return error;
  const { message, hint, data } = error;
  return new ToolstackError(error.code, `${message}, after libxl said: ${words}`, {
    cause: error.cause,
    ...(hint === undefined ? {} : { hint }),
    data,
  });
}
