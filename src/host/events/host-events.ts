import { asError } from '../../errors/message-of.js';
import type { DomainEvent, ToldEvent } from './event.js';
import { followEvents } from './event-follower.js';
import { EventHub, type EventSubscription, type SubscribeOptions } from './event-hub.js';
import { EventLog } from './event-log.js';

/**
 * The events of a host's domains, whichever process causes them.
 *
 * ```ts
 * await using events = host.events.subscribe({ filter: (event) => event.domain === 'web1' });
 * for await (const event of events) {
 *   if ('missed' in event) print(`${event.missed} events were missed`);
 *   else if (event.what.type === 'lifecycle') print(event.what.change);
 * }
 * ```
 */
export class HostEvents implements AsyncDisposable {
  readonly #log: EventLog;
  #hub: EventHub | undefined;
  #stop: AbortController | undefined;
  #following: Promise<void> = Promise.resolve();

  /**
   * @param dir folder of the event log; made if it is missing
   * @param log called with failures: an event that cannot be written does not fail the operation
   */
  constructor(dir: string, log?: (line: string) => void) {
    this.#log = new EventLog(dir, log);
  }

  /** Sends an event to every reader of this host, in all processes. Does not wait and does not throw. */
  tell(event: ToldEvent): void {
    this.#log.tell(event);
  }

  /** The events from this call on. Disposing the host ends the subscription, too. */
  subscribe(options: SubscribeOptions = {}): EventSubscription {
    const { seq } = this.#log.end();
    const wanted = options.filter;
    const filter = (event: DomainEvent): boolean => event.seq > seq && (wanted?.(event) ?? true);
    const hub = this.#started();
    return hub.subscribe({ ...options, filter }, () => {
      if (hub.size === 0) this.#stop?.abort();
    });
  }

  /** The hub; it reads the log while there are subscribers. */
  #started(): EventHub {
    if (this.#hub !== undefined && this.#stop?.signal.aborted === false) return this.#hub;
    const hub = new EventHub();
    const stop = new AbortController();
    const follow = async (): Promise<void> => {
      try {
        for await (const event of followEvents(this.#log, from, stop.signal)) hub.deliver(event);
        hub.close();
      } catch (error) {
        hub.close(asError(error));
      }
    };
    const from = this.#log.end();
    this.#hub = hub;
    this.#stop = stop;
    this.#following = follow();
    return hub;
  }

  /** Resolves when all events are written. */
  async flushed(): Promise<void> {
    await this.#log.flushed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop?.abort();
    await this.#following;
    await this.#log.flushed();
  }
}
