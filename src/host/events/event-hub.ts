import type { DomainEvent, MissedEvents } from './event.js';

/** Events that a reader may leave lying; what comes beyond that it misses, and is told how many. */
const DEFAULT_LIMIT = 1000;

export interface SubscribeOptions {
  /** Which events; default: all. */
  readonly filter?: ((event: DomainEvent) => boolean) | undefined;
  /** Events that may wait for their reader, default 1000. */
  readonly limit?: number | undefined;
}

/**
 * Events as they come, in their order. Breaking out of the loop, or disposing it, ends the subscription; in the
 * place of events that did not find room stands how many they were.
 */
export interface EventSubscription extends AsyncIterableIterator<DomainEvent | MissedEvents>, AsyncDisposable {
  readonly id: number;
}

type Listener = (event: DomainEvent | MissedEvents, id: number) => void;

interface Subscriber {
  readonly filter: (event: DomainEvent) => boolean;
  readonly take: (event: DomainEvent | MissedEvents) => void;
  /** No more will come, or the source of the events broke. */
  readonly end: (error: Error | undefined) => void;
}

/**
 * Hands the events of a host to those who asked for them. Whoever takes one may subscribe, unsubscribe, or deliver more: everybody
 * gets all events in the same order, and a subscriber that has left gets none.
 */
export class EventHub {
  readonly #subscribers = new Map<number, Subscriber>();
  readonly #queue: (DomainEvent | MissedEvents)[] = [];
  #delivering = false;
  #nextId = 1;
  #closed = false;

  /** @param onThrown what a listener threw: it is its own affair and stops nobody */
  constructor(private readonly onThrown: (error: unknown) => void = () => undefined) {}

  get size(): number {
    return this.#subscribers.size;
  }

  /** Calls `listener` for each event; returns the id to `unsubscribe` with. */
  listen(listener: Listener, options: Pick<SubscribeOptions, 'filter'> = {}): number {
    const id = this.#nextId;
    this.#nextId += 1;
    if (this.#closed) return id;
    this.#subscribers.set(id, {
      filter: options.filter ?? (() => true),
      take: (event) => {
        listener(event, id);
      },
      end: () => undefined,
    });
    return id;
  }

  /** Events from now on, to be read in a loop. */
  subscribe(options: SubscribeOptions = {}, onLeft: () => void = () => undefined): EventSubscription {
    const id = this.#nextId;
    this.#nextId += 1;
    const queue = new EventQueue(options.limit ?? DEFAULT_LIMIT);
    const leave = (): void => {
      if (this.unsubscribe(id)) onLeft();
    };
    if (this.#closed) queue.end(undefined);
    else {
      this.#subscribers.set(id, {
        filter: options.filter ?? (() => true),
        take: (event) => queue.put(event),
        end: (error) => queue.end(error),
      });
    }
    return {
      id,
      next: () => queue.next(),
      return: () => {
        leave();
        queue.end(undefined);
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
      async [Symbol.asyncDispose]() {
        await this.return?.();
      },
    };
  }

  /** Ends a subscription, also from within a listener; false where there is none of that id. Its reader's loop ends. */
  unsubscribe(id: number): boolean {
    const subscriber = this.#subscribers.get(id);
    if (subscriber === undefined) return false;
    this.#subscribers.delete(id);
    subscriber.end(undefined);
    return true;
  }

  deliver(event: DomainEvent | MissedEvents): void {
    if (this.#closed) return;
    this.#queue.push(event);
    // A listener that delivers has its event behind the present one, for everybody.
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#handOut(next);
    } finally {
      this.#delivering = false;
    }
  }

  #handOut(event: DomainEvent | MissedEvents): void {
    for (const [id, subscriber] of [...this.#subscribers]) {
      if (!this.#subscribers.has(id)) continue; // one before it has sent it away
      try {
        if ('missed' in event || subscriber.filter(event)) subscriber.take(event);
      } catch (error) {
        this.onThrown(error);
      }
    }
  }

  /** Ends every subscription: loops end, or reject with the error. */
  close(error?: Error): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers.values()) subscriber.end(error);
    this.#subscribers.clear();
  }
}

/** Events between the hub and one reader. */
class EventQueue {
  readonly #events: (DomainEvent | MissedEvents)[] = [];
  readonly #readers: {
    resolve: (result: IteratorResult<DomainEvent | MissedEvents>) => void;
    reject: (error: Error) => void;
  }[] = [];
  #missed = 0;
  #over: { readonly error: Error | undefined } | undefined;

  constructor(private readonly limit: number) {}

  put(event: DomainEvent | MissedEvents): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
    } else if (this.#events.length >= this.limit) {
      this.#missed += 'missed' in event ? event.missed : 1;
    } else {
      this.#tellMissed();
      this.#events.push(event);
    }
  }

  #tellMissed(): void {
    if (this.#missed === 0) return;
    this.#events.push({ missed: this.#missed });
    this.#missed = 0;
  }

  next(): Promise<IteratorResult<DomainEvent | MissedEvents>> {
    if (this.#events.length === 0) this.#tellMissed();
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    if (this.#over?.error !== undefined) return Promise.reject(this.#over.error);
    if (this.#over !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  end(error: Error | undefined): void {
    this.#over ??= { error };
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (this.#over.error === undefined) resolve({ done: true, value: undefined });
      else reject(this.#over.error);
    }
  }
}
