import type { Hello } from '../control/messages.js';
import type { Connect } from '../source/destination.js';
import { resolveSshTarget } from '../tunnel/ssh/ssh-target.js';
import { connectThrough } from './connect.js';
import { openDialer, type DialerOptions } from './dialers.js';
import type { DestinationUri } from './uri.js';
import { connectToXl } from './xl/xl-destination.js';

/** A way to a destination, for as long as it is held. */
export interface OpenDestination extends AsyncDisposable {
  readonly connect: Connect;
}

/**
 * Opens the way to a destination, whatever it speaks. Nothing is dialled yet.
 * @param hello our first words; asked for only where the peer understands them
 */
export async function openDestination(
  uri: DestinationUri,
  options: DialerOptions,
  hello: () => Promise<Hello>,
): Promise<OpenDestination> {
  if (uri.transport === 'xl') {
    const { environment, remoteCommand, askPassphrase } = options.ssh;
    const target = resolveSshTarget(
      {
        host: uri.host,
        ...(uri.user === undefined ? {} : { user: uri.user }),
        ...(uri.port === undefined ? {} : { port: uri.port }),
      },
      environment,
    );
    options.onNotice(
      `${uri.host} is reached through xl: what it receives is not compared by digest, and where the last word is lost only a look at both hosts settles it`,
    );
    return {
      connect: connectToXl(target, {
        ...(remoteCommand === undefined ? {} : { remoteCommand }),
        ...(askPassphrase === undefined ? {} : { askPassphrase }),
      }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const dialer = openDialer({ ...uri, transport: uri.transport }, options);
  return {
    connect: connectThrough(dialer, await hello()),
    [Symbol.asyncDispose]: () => dialer[Symbol.asyncDispose](),
  };
}
