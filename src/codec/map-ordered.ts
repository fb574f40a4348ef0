import { asError } from '../errors/message-of.js';

/**
 * Works on several items at once and yields the results in the items' order. Takes at most `depth` items ahead of
 * the consumer. Errors of the source or the work are thrown after the results before them. Leaving early ends the source.
 */
export async function* mapOrdered<Item, Result>(
  source: AsyncIterable<Item>,
  depth: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const begun: Promise<Result>[] = [];
  const state: { ended: boolean; stopped: boolean; failure?: Error; wake?: () => void } = {
    ended: false,
    stopped: false,
  };
  const change = (): Promise<void> =>
    new Promise((resolve) => {
      const before = state.wake;
      state.wake = () => {
        before?.();
        resolve();
      };
    });
  const ring = (): void => {
    const { wake } = state;
    delete state.wake;
    wake?.();
  };

  const fill = async (): Promise<void> => {
    try {
      for await (const item of source) {
        while (begun.length >= depth && !state.stopped) await change();
        if (state.stopped) return;
        const result = work(item);
        result.catch(() => undefined); // it is awaited in its turn, if that comes
        begun.push(result);
        ring();
      }
    } catch (error) {
      state.failure = asError(error);
    } finally {
      state.ended = true;
      ring();
    }
  };
  // Never rejects.
  const filling = fill();

  try {
    for (;;) {
      const next = begun.at(0);
      if (next !== undefined) {
        const result = await next;
        void begun.shift();
        ring();
        yield result;
      } else if (state.ended) {
        if (state.failure !== undefined) throw state.failure;
        return;
      } else {
        await change();
      }
    }
  } finally {
    state.stopped = true;
    ring();
    await Promise.allSettled(begun);
    if (state.ended) await filling;
    // Otherwise it ends with the source's next item: what ends the transfer ends that as well.
  }
}
