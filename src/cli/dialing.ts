import type { DialerOptions } from '../migration/connect/dialer-options.js';
import { resolveAlias } from '../host/config/config.js';
import { parseDestinationUri, type DestinationUri } from '../host/config/uri.js';
import { configOf } from './config.js';
import { ownAsker, type Asker, type DialingOptions } from './dialing-options.js';
import { deadlinesOf, type GlobalOptions } from './open.js';
import { printNote } from './output.js';

/** A destination's URI, or an alias of the configuration. @throws UsageError `E_USAGE_URI` */
export function destinationOf(options: GlobalOptions, text: string): DestinationUri {
  return parseDestinationUri(resolveAlias(configOf(options), text));
}

export function dialerOptions(
  options: DialingOptions & GlobalOptions,
  asker: Asker = ownAsker(),
  onNotice: (text: string) => void = (text) => printNote(`notice: ${text}`),
): DialerOptions {
  return {
    tlsDir: options['tls-dir'] ?? configOf(options).tlsDir,
    keepalive: configOf(options).keepalive,
    onNotice,
    ssh: {
      environment: asker.environment,
      startMs: deadlinesOf(options).connectMs,
      channelsOnly: options.transport === 'ssh',
      remoteCommand: options['remote-command'],
      askPassphrase: asker.askPassphrase,
    },
  };
}
