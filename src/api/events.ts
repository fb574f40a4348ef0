import { EVENT_TYPES, isMissed, type DomainEvent, type Happening, type MissedEvents } from '../host/events/event.js';
import type { EventSubscription } from '../host/events/event-hub.js';
import type { Host } from './options/host.js';
import { localHost } from './process/local-host.js';
import type { CallOptions } from './options/calls.js';

export { EVENT_TYPES, isMissed };
export type { DomainEvent, EventSubscription, Happening, MissedEvents };

export interface WatchOptions extends CallOptions {
  /** Only events of this domain, by name, UUID or id; it need not be there yet. Default: of all. */
  readonly domain?: string | undefined;
  /** Only events of these types; default: of all. */
  readonly types?: readonly Happening['type'][] | undefined;
}

/**
 * What happens to the host's domains from now on, whichever process of the host does it. The signal ends the iteration, as leaving
 * the loop or disposing the subscription does; `isMissed` identifies entries that count events for which the reader was too slow.
 */
export async function watchEvents(host: Host, options: WatchOptions = {}): Promise<EventSubscription> {
  const { domain, types, signal } = options;
  signal?.throwIfAborted();
  const driver = localHost(host);
  // A domain that is not there yet is recognised by the name or UUID that it will have.
  const known = domain === undefined ? undefined : await driver.toolstack.lookup(domain, signal);
  const isMeant = (event: DomainEvent): boolean =>
    domain === undefined || event.domain === domain || event.uuid === (known?.uuid ?? domain.toLowerCase());
  const events = driver.events.subscribe({
    filter: (event) => isMeant(event) && types?.includes(event.what.type) !== false,
  });
  const end = (): void => void events.return?.();
  if (signal?.aborted === true) end();
  signal?.addEventListener('abort', end, { once: true });
  return events;
}
