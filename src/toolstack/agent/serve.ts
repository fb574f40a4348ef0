import { openSync, writeSync } from 'node:fs';
import process from 'node:process';
import { messageLine, MessageReader } from '../../channel/message-lines.js';
import { AbortedError, ProtocolError } from '../../errors/errors.js';
import { messageOf } from '../../errors/message-of.js';
import { printable } from '../../errors/printable.js';
import { toWire } from '../../errors/wire.js';
import {
  ANSWER_FD,
  FIRST_PASSED_FD,
  MAX_LINE_BYTES,
  requestSchema,
  type AgentAnswer,
  type AgentRequest,
} from './protocol.js';

/** Longest time for calls to clean up after the parent has ended. */
const ORPHAN_GRACE_MS = 20_000;

/** What a handler gets with its call. */
export interface CallContext {
  /** Fires when the parent cancels the call, or has ended. */
  readonly signal: AbortSignal;
  /** The descriptor that came with the call, or with the process: owned by the handler, which closes it. */
  readonly passedFd: number;
  /** Sends an event to the parent during the call. */
  readonly emit: (event: unknown) => void;
  /**
   * Sets what to do, once, if the parent ends before it has received the answer: then no other process
   * knows the result of the call. A later one replaces an earlier one.
   */
  readonly ifUnheard: (cleanUp: () => Promise<void>) => void;
}

export type AgentHandler = (params: unknown, context: CallContext) => Promise<unknown>;

interface Call {
  readonly cancel: AbortController;
  cleanUp: (() => Promise<void>) | undefined;
  answered: boolean;
}

/**
 * The agent's side: answers calls until the parent closes our standard input, or dies. Then calls in
 * progress are cancelled, those whose answer was not received clean up, and the process ends.
 * Called once, by an entry point.
 */
export function serveAgent(handlers: Readonly<Record<string, AgentHandler>>): void {
  const calls = new Map<number, Call>();
  const requests = new MessageReader(requestSchema, MAX_LINE_BYTES);
  let orphaned = false;

  const endWhenIdle = (): void => {
    if (orphaned && calls.size === 0) process.exit(0);
  };
  /** The parent has ended: an answered call cleans up now, the others when they end. */
  const leave = async (id: number, call: Call): Promise<void> => {
    try {
      await call.cleanUp?.();
    } catch (error) {
      process.stderr.write(`cleaning up failed: ${printable(messageOf(error))}\n`);
    }
    calls.delete(id);
    endWhenIdle();
  };
  const onParentGone = (): void => {
    if (orphaned) return;
    orphaned = true;
    setTimeout(() => process.exit(1), ORPHAN_GRACE_MS).unref();
    for (const [id, call] of calls) {
      if (call.answered) void leave(id, call);
      else call.cancel.abort(new AbortedError('the process that requested this has ended'));
    }
    endWhenIdle();
  };
  const say = (answer: AgentAnswer): void => {
    try {
      writeSync(ANSWER_FD, messageLine(answer));
    } catch {
      onParentGone(); // the answers are no longer read
    }
  };

  const run = async (
    id: number,
    { call: method, params, pipe }: Extract<AgentRequest, { call: string }>,
  ): Promise<void> => {
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    const call: Call = { cancel: new AbortController(), cleanUp: undefined, answered: false };
    calls.set(id, call);
    let answer: AgentAnswer;
    try {
      if (handler === undefined) throw new ProtocolError('E_PROTOCOL_AGENT_CALL', `no call is named ${method}`);
      let passedFd = FIRST_PASSED_FD;
      if (pipe !== undefined) {
        passedFd = openSync(pipe.path, pipe.flags);
        say({ id, opened: true });
      }
      const result = await handler(params, {
        passedFd,
        signal: call.cancel.signal,
        emit: (event) => {
          say({ id, event });
        },
        ifUnheard: (cleanUp) => {
          call.cleanUp = cleanUp;
        },
      });
      answer = { id, done: true, result };
    } catch (error) {
      answer = { id, error: toWire(error) };
    }
    if (!orphaned) {
      call.answered = true;
      say(answer);
    } else {
      await leave(id, call);
    }
  };
  const onRequest = (request: AgentRequest): void => {
    if ('cancel' in request) calls.get(request.id)?.cancel.abort(new AbortedError());
    else if ('heard' in request) calls.delete(request.id);
    else void run(request.id, request);
  };

  process.stdin.on('data', (chunk: Buffer) => {
    for (const request of requests.push(chunk)) onRequest(request);
  });
  process.stdin.on('end', onParentGone);
  process.stdin.on('error', onParentGone);
}
