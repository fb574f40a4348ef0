import { z } from '../../errors/zod.js';
import { ToolstackError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { Agent } from '../agent/agent.js';
import type { ToolstackEvent } from '../toolstack.js';
import { toolstackEventSchema } from './agent-protocol.js';

/** Most events that wait for their reader, so that they cannot fill the memory. */
const MOST_WAITING = 10_000;

/** The events of an agent's `watch` call, until the signal fires. Rejects if the agent dies. */
export async function* watchEvents(entry: URL, signal: AbortSignal): AsyncGenerator<ToolstackEvent, void, undefined> {
  if (signal.aborted) return;
  const waiting: ToolstackEvent[] = [];
  const state: { failure?: Error; ended: boolean; wake?: (() => void) | undefined } = { ended: false };
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  await using agent = Agent.start({ entry, what: 'events of domains' });
  const heard = (event: ToolstackEvent): void => {
    waiting.push(event);
    if (waiting.length > MOST_WAITING) {
      stop.abort(
        new ToolstackError(
          'E_TOOLSTACK_EVENTS_LOST',
          `${MOST_WAITING} events of domains are waiting, more than the reader takes`,
        ),
      );
    }
    state.wake?.();
  };
  const watching = agent
    .call(
      'watch',
      {},
      {
        signal: stop.signal,
        result: z.unknown(),
        event: { schema: toolstackEventSchema, heard },
      },
    )
    .then(() => {
      // An agent that is cancelled ends its call as usual.
      if (stop.signal.aborted) throw asError(stop.signal.reason);
    })
    .catch((error: unknown) => {
      if (!signal.aborted) state.failure = asError(error);
    })
    .finally(() => {
      state.ended = true;
      state.wake?.();
    });
  try {
    for (;;) {
      const event = waiting.shift();
      if (event !== undefined) {
        yield event;
        continue;
      }
      if (state.failure !== undefined) throw state.failure;
      if (state.ended) return;
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
      state.wake = undefined;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    await watching;
  }
}
