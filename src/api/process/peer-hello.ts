import type { Hello } from '../../control/messages.js';
import { Deadline } from '../../errors/deadline.js';
import type { Host as HostDriver } from '../../host/host.js';
import { openDestination } from '../../migration/connect/open-destination.js';
import type { ReachOptions } from '../options/migrate.js';
import { destinationOf, dialerOptions, type Settings } from './dialing.js';

/** The hello of another host (S28). No migration is started there. Rejects as `connect` does. */
export async function helloOf(
  host: Pick<HostDriver, 'hello' | 'deadlines'>,
  settings: Settings,
  peer: string,
  how: ReachOptions & { readonly onNotice: (text: string) => void },
  signal: AbortSignal,
): Promise<Hello> {
  const uri = destinationOf(settings, peer);
  await using destination = await openDestination(uri, dialerOptions(settings, how, how.onNotice), () =>
    host.hello(signal),
  );
  using soon = new Deadline(signal, host.deadlines.connectMs, 'E_DEADLINE_CONNECT', `an answer of ${peer}`);
  const nothing = (): void => undefined;
  await using connection = await destination.connect(
    { onConnection: nothing, onFailed: nothing, onLost: nothing },
    soon.signal,
  );
  return connection.hello;
}
