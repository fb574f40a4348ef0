import type { Hello } from '../../control/messages.js';
import type { Connect } from '../../source/destination.js';
import { connectThrough } from './connect.js';
import { DialAhead } from './dial-ahead.js';
import type { DialerOptions } from './dialer-options.js';
import { openDialer } from './dialers.js';
import type { DestinationUri } from '../../host/config/uri.js';

/** A way to a destination, for as long as it is held. */
export interface OpenDestination extends AsyncDisposable {
  readonly connect: Connect;
  /** Starts dialling, for a `connect` that follows soon. Never throws: that `connect` reports errors. */
  readonly ahead: (signal: AbortSignal) => void;
}

/**
 * Opens the way to a destination of any kind. Nothing is dialled yet.
 * @param hello our first message; called only if the peer speaks our protocol
 */
export async function openDestination(
  uri: DestinationUri,
  options: DialerOptions,
  hello: () => Promise<Hello>,
): Promise<OpenDestination> {
  if (uri.transport === 'xl') {
    // Needs ssh2, as ssh destinations do: not loaded for others.
    const [{ sshTargetOf }, { connectToXl }] = await Promise.all([
      import('./ssh-dialers.js'),
      import('../xl/xl-destination.js'),
    ]);
    const { environment, remoteCommand, askPassphrase } = options.ssh;
    const target = sshTargetOf(uri, environment);
    options.onNotice(
      `${uri.host} is reached through xl: no digest is compared, and if the last message is lost only a check of both hosts settles the migration`,
    );
    return {
      connect: connectToXl(target, {
        ...(remoteCommand === undefined ? {} : { remoteCommand }),
        ...(askPassphrase === undefined ? {} : { askPassphrase }),
      }),
      ahead: () => undefined, // xl's conversation begins with its program
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const dialer = await openDialer({ ...uri, transport: uri.transport }, options);
  const first = new DialAhead(dialer);
  return {
    connect: connectThrough(dialer, await hello(), (signal) => first.dial(signal)),
    ahead: (signal) => first.begin(signal),
    [Symbol.asyncDispose]: () => {
      first[Symbol.dispose]();
      return dialer[Symbol.asyncDispose]();
    },
  };
}
