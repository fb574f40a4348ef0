import { RefusedError, UsageError } from '../../errors/errors.js';
import type { EventSubscription } from '../../host/events/event-hub.js';
import { isMissed, type DomainEvent } from '../../host/events/event.js';
import type { Host } from '../../host/host.js';
import { eventIdOf, LAST_EVENT_ID, messageOf, plainLifecycle, type EventMessage } from './event-messages.js';

/** Most callbacks of one client; libvirt's own clients have a dozen. */
const MOST_CALLBACKS = 256;

interface Callback {
  readonly eventId: number;
  /** Only events of this domain; undefined: of every one. */
  readonly uuid: string | undefined;
}

/** The events that one client has registered for, and their subscription, which exists while there are any. */
export class EventCallbacks implements AsyncDisposable {
  readonly #callbacks = new Map<number, Callback>();
  #next = 0;
  #plain = 0;
  #subscription: EventSubscription | undefined;
  #feeding: Promise<void> = Promise.resolve();

  constructor(
    private readonly host: Host,
    private readonly send: (message: EventMessage) => void,
    private readonly log: (line: string) => void,
  ) {}

  /** @returns the callback's number. @throws UsageError `E_USAGE_LIBVIRT_ARGUMENT`; RefusedError `E_REFUSED_LIMIT` */
  register(eventId: number, uuid: string | undefined): number {
    if (eventId < 0 || eventId > LAST_EVENT_ID) {
      throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', `there is no event ${eventId}`);
    }
    this.#bound();
    const id = this.#next;
    this.#next += 1;
    this.#callbacks.set(id, { eventId, uuid });
    this.#feed();
    return id;
  }

  /** @throws UsageError `E_USAGE_LIBVIRT_ARGUMENT` for a number that is no callback's */
  async deregister(id: number): Promise<void> {
    if (!this.#callbacks.delete(id)) {
      throw new UsageError('E_USAGE_LIBVIRT_ARGUMENT', `there is no callback ${id}`);
    }
    await this.#rest();
  }

  /** Lifecycle events without a number, as old clients have them. @returns how many of these there are then */
  async plain(change: 1 | -1): Promise<number> {
    if (change === 1) this.#bound();
    this.#plain = Math.max(0, this.#plain + change);
    if (this.#plain > 0) this.#feed();
    else await this.#rest();
    return this.#plain;
  }

  #bound(): void {
    if (this.#callbacks.size + this.#plain < MOST_CALLBACKS) return;
    throw new RefusedError('E_REFUSED_LIMIT', `this connection has ${MOST_CALLBACKS} callbacks for events already`, {
      hint: 'Remove some first, or use another connection.',
    });
  }

  #feed(): void {
    if (this.#subscription !== undefined) return;
    const subscription = this.host.events.subscribe();
    this.#subscription = subscription;
    this.#feeding = this.#deliver(subscription).catch((error: unknown) => {
      this.log(`events for a client of libvirt's protocol ended: ${String(error)}`);
    });
  }

  async #deliver(subscription: EventSubscription): Promise<void> {
    for await (const event of subscription) {
      if (isMissed(event)) this.log(`a client of libvirt's protocol missed ${event.missed} events`);
      else this.#tell(event);
    }
  }

  #tell(event: DomainEvent): void {
    const is = eventIdOf(event);
    if (is === undefined) return;
    for (const [id, { eventId, uuid }] of this.#callbacks) {
      if (eventId !== is || (uuid !== undefined && uuid !== event.uuid)) continue;
      const message = messageOf(event, id);
      if (message !== undefined) this.send(message);
    }
    const message = this.#plain > 0 ? plainLifecycle(event) : undefined;
    if (message !== undefined) this.send(message);
  }

  async #rest(): Promise<void> {
    if (this.#callbacks.size > 0 || this.#plain > 0) return;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    await subscription?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#callbacks.clear();
    this.#plain = 0;
    await this.#rest();
    await this.#feeding;
  }
}
