import { openDestination, type OpenDestination } from '../../migration/connect/open-destination.js';
import { recover as settle, type Recovered } from '../../migration/recover/recover.js';
import { signalOf } from '../options/calls.js';
import type { Host } from '../options/host.js';
import type { RecoverOptions } from '../options/recover.js';
import { destinationOf, dialerOptions, type Settings } from './dialing.js';
import { localHost } from './local-host.js';

/** `recover` with settings of the caller's. */
export async function recoverWith(host: Host, settings: Settings, options: RecoverOptions): Promise<Recovered[]> {
  const driver = localHost(host);
  const signal = signalOf(options);
  const opened: OpenDestination[] = [];
  const dialing = dialerOptions(settings, options, options.onNotice ?? (() => undefined));
  try {
    return await settle(driver, {
      signal,
      connectTo: async (text) => {
        const destination = await openDestination(destinationOf(settings, text), dialing, () => driver.hello(signal));
        opened.push(destination);
        return destination.connect;
      },
    });
  } finally {
    for (const destination of opened) await destination[Symbol.asyncDispose]();
  }
}
