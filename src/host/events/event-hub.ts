import type { DomainEvent, MissedEvents } from './event.js';

/** Most events that wait for a reader; the reader misses further ones and gets their number. */
const DEFAULT_LIMIT = 1000;

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Which events; default: all. */
  readonly filter?: ((event: DomainEvent) => boolean) | undefined;
  /** Events that may wait for their reader, default 1000. */
  readonly limit?: number | undefined;
}

/**
 * Events in the order of their arrival. Breaking out of the loop, or disposing it, ends the subscription;
 * events that did not fit are replaced by their number.
 */
export interface EventSubscription extends AsyncIterableIterator<DomainEvent | MissedEvents>, AsyncDisposable {
  readonly id: number;
}

type Listener = (event: DomainEvent | MissedEvents, id: number) => void;

interface Subscriber {
  readonly filter: (event: DomainEvent) => boolean;
  readonly take: (event: DomainEvent | MissedEvents) => void;
  /** Called when no more events will come, or the source of the events failed. */
  readonly end: (error: Error | undefined) => void;
}

/**
 * Distributes the events of a host to its subscribers. A listener may subscribe, unsubscribe, or deliver more: every
 * subscriber gets all events in the same order, and one that has left gets none.
 */
export class EventHub {
  readonly #subscribers = new Map<number, Subscriber>();
  readonly #queue: (DomainEvent | MissedEvents)[] = [];
  #delivering = false;
  #nextId = 1;
  #closed = false;

  /** @param onThrown called with an exception of a listener, which does not affect the others */
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

  /** Events from now on, as an iterator. */
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

  /** Ends a subscription, also from within a listener; false if there is none with that id. Its reader's loop ends. */
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
    // An event that a listener delivers comes after the present one, for every subscriber.
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
      if (!this.#subscribers.has(id)) continue; // an earlier listener has unsubscribed it
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
