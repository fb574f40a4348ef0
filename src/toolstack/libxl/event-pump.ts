import { z } from '../../errors/zod.js';
import { InvariantError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import type { LibxlNative, OperationTag } from './native.js';

/** Longest idle turn of the loop, which blocks a thread. libxl wakes it at an event. */
const TURN_MS = 1_000;

/** libxl_event as libxl writes it: values of 0 are omitted. */
const eventSchema = z.object({
  domid: z.int().nonnegative().default(0),
  domuuid: z.string().optional(),
  for_user: z.int().nonnegative().default(0),
  'type.operation_complete': z.object({ rc: z.int().default(0) }).optional(),
  'type.domain_shutdown': z.object({ shutdown_reason: z.int().default(0) }).optional(),
  'type.domain_death': z.object({}).optional(),
  'type.disk_eject': z.object({ vdev: z.string() }).optional(),
});
export type LibxlEvent = z.infer<typeof eventSchema>;

type EventSource = Pick<LibxlNative, 'turn' | 'nextEvent' | 'awaitEvent' | 'abort'>;

interface Waiter {
  readonly ended: (rc: number) => void;
  readonly failed: (error: Error) => void;
}

/**
 * Runs libxl's event loop while there are waiters, and dispatches its events: the ends of
 * operations by their tag, the rest to the watchers of domains.
 */
export class EventPump {
  readonly #native: EventSource;
  readonly #operations = new Map<OperationTag, Waiter>();
  readonly #watchers = new Set<(event: LibxlEvent) => void>();
  #lastTag = 0n;
  #turning = false;

  constructor(native: EventSource) {
    this.#native = native;
  }

  /** A number that no operation or watch has had. */
  newTag(): OperationTag {
    this.#lastTag += 1n;
    return this.#lastTag;
  }

  /**
   * Starts an operation and waits for its end; resolves with its return code. When the signal fires,
   * libxl is asked to abort it, and its end is waited for all the same: it may still succeed.
   */
  async run(start: (tag: OperationTag) => Promise<number>, signal?: AbortSignal): Promise<number> {
    const tag = this.newTag();
    const end = new Promise<number>((ended, failed) => {
      this.#operations.set(tag, { ended, failed });
    });
    end.catch(() => undefined); // it is awaited below, after the start
    const onAbort = (): void => {
      this.#native.abort(tag).catch((error: unknown) => this.#operations.get(tag)?.failed(asError(error)));
    };
    try {
      const rc = await start(tag);
      if (rc !== 0) return rc; // no operation was started: no event will follow
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#turn();
      return await end;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#operations.delete(tag);
    }
  }

  /** Calls `heard` with events of domains until `stop` is called. */
  watch(heard: (event: LibxlEvent) => void): { readonly stop: () => void } {
    this.#watchers.add(heard);
    this.#turn();
    return { stop: () => this.#watchers.delete(heard) };
  }

  /** Starts the loop, unless it runs already. */
  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    this.#loop().catch((error: unknown) => {
      for (const waiter of [...this.#operations.values()]) waiter.failed(asError(error));
    });
  }

  async #loop(): Promise<void> {
    try {
      for (;;) {
        // Before the first turn: an operation may have ended within the call that started it.
        for (let text = this.#native.nextEvent(); text !== undefined; text = this.#native.nextEvent()) {
          this.#handOut(text);
        }
        if (this.#operations.size === 0 && this.#watchers.size === 0) return;
        // The end of an operation is an event, which ends a wait in C: a long one has thousands of turns, which are
        // cheap there. A watch may end without any.
        if (this.#operations.size > 0) this.#handOut(await this.#native.awaitEvent());
        else await this.#native.turn(TURN_MS);
      }
    } finally {
      // Without a pause after the check above: a later waiter starts a loop of its own.
      this.#turning = false;
    }
  }

  #handOut(text: string): void {
    const parsed = eventSchema.safeParse(JSON.parse(text));
    if (!parsed.success) {
      throw new InvariantError('libxl gave an event of an unknown form', {
        cause: parsed.error,
        data: { event: text },
      });
    }
    const event = parsed.data;
    const complete = event['type.operation_complete'];
    if (complete === undefined) {
      for (const heard of this.#watchers) heard(event);
      return;
    }
    const tag = BigInt(event.for_user);
    this.#operations.get(tag)?.ended(complete.rc);
    this.#operations.delete(tag); // now, so that the loop sees that there is no waiter
  }
}
