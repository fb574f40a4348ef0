import type { Hello } from '../control/messages.js';
import type { Host } from '../host/host.js';
import { openDestination } from '../migration/connect/open-destination.js';
import { Deadline } from '../errors/deadline.js';
import { destinationOf, dialerOptions } from './dialing.js';
import type { Asker, DialingOptions } from './dialing-options.js';
import type { GlobalOptions } from './open.js';

/** What another host says of itself when it is greeted (S28). Nothing is begun there. Rejects as `connect` does. */
export async function helloOf(
  host: Host,
  options: GlobalOptions & DialingOptions,
  peer: string,
  signal: AbortSignal,
  asker?: Asker,
): Promise<Hello> {
  const uri = destinationOf(options, peer);
  await using destination = await openDestination(uri, dialerOptions(options, asker), () => host.hello(signal));
  using soon = new Deadline(signal, host.deadlines.connectMs, 'E_DEADLINE_CONNECT', `an answer of ${peer}`);
  const nothing = (): void => undefined;
  await using connection = await destination.connect(
    { onConnection: nothing, onFailed: nothing, onLost: nothing },
    soon.signal,
  );
  return connection.hello;
}
