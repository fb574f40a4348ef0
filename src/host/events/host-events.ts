import { asError } from '../../errors/message-of.js';
import type { DomainEvent, ToldEvent } from './event.js';
import { followEvents } from './event-follower.js';
import { EventHub, type EventSubscription, type SubscribeOptions } from './event-hub.js';
import { EventLog } from './event-log.js';

/**
 * The events of a host's domains, whichever process makes them happen.
 *
 * ```ts
 * await using events = host.events.subscribe({ filter: (event) => event.domain === 'web1' });
 * for await (const event of events) {
 *   if ('missed' in event) say(`${event.missed} events were missed`);
 *   else if (event.what.type === 'lifecycle') say(event.what.change);
 * }
 * ```
 */
export class HostEvents implements AsyncDisposable {
  readonly #log: EventLog;
  #hub: EventHub | undefined;
  #stop: AbortController | undefined;
  #following: Promise<void> = Promise.resolve();

  /**
   * @param dir folder of the event log; made where it is missing
   * @param log what goes wrong with it: events are not worth a failure of what they tell of
   */
  constructor(dir: string, log?: (line: string) => void) {
    this.#log = new EventLog(dir, log);
  }

  /** Tells every reader of this host, in whatever process, of an event. Does not wait and does not throw. */
  tell(event: ToldEvent): void {
    this.#log.tell(event);
  }

  /** What happens from this call on. Disposing the host ends it, too. */
  subscribe(options: SubscribeOptions = {}): EventSubscription {
    const { seq } = this.#log.end();
    const wanted = options.filter;
    const filter = (event: DomainEvent): boolean => event.seq > seq && (wanted?.(event) ?? true);
    const hub = this.#started();
    return hub.subscribe({ ...options, filter }, () => {
      if (hub.size === 0) this.#stop?.abort();
    });
  }

  /** The hub; it reads the log while somebody is subscribed. */
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

  /** Resolves when what was told is written. */
  async flushed(): Promise<void> {
    await this.#log.flushed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop?.abort();
    await this.#following;
    await this.#log.flushed();
  }
}
