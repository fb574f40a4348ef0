import type { DialerOptions } from '../../migration/connect/dialer-options.js';
import { resolveAlias, type Config } from '../../host/config/config.js';
import { parseDestinationUri, type DestinationUri } from '../../host/config/uri.js';
import type { Deadlines } from '../../control/deadlines.js';
import type { SshEnvironment } from '../../tunnel/ssh/ssh-files.js';
import type { HostOptions } from '../options/host.js';
import type { ReachOptions } from '../options/migrate.js';
import { deadlinesFor, type LocalHost } from './local-host.js';
import { configOf } from './config.js';
import { ownSshEnvironment } from './ssh-environment.js';

/** What a conversation with another host goes by. */
export interface Settings {
  readonly config: Config;
  readonly deadlines: Deadlines;
  readonly environment: SshEnvironment;
}

/** The settings that hold for a host, in this process's environment. */
export function settingsOf({ config, deadlines }: LocalHost): Settings {
  return { config, deadlines, environment: ownSshEnvironment() };
}

/** The settings that options name, for a verb that opens no host or is given another's. */
export function settingsFor(options: HostOptions, environment = ownSshEnvironment()): Settings {
  return { config: configOf(options), deadlines: deadlinesFor(options), environment };
}

/** A destination's URI, or an alias of the configuration. @throws UsageError `E_USAGE_URI` */
export function destinationOf({ config }: Pick<Settings, 'config'>, text: string): DestinationUri {
  return parseDestinationUri(resolveAlias(config, text));
}

/** How the driver dials. */
export function dialerOptions(
  { config, deadlines, environment }: Settings,
  { tlsDir, transport, remoteCommand, askPassphrase }: ReachOptions,
  onNotice: (text: string) => void,
): DialerOptions {
  return {
    tlsDir: tlsDir ?? config.tlsDir,
    keepalive: config.keepalive,
    onNotice,
    ssh: { environment, startMs: deadlines.connectMs, channelsOnly: transport === 'ssh', remoteCommand, askPassphrase },
  };
}
