import { NO_CONFIG, parseConfig, type Config } from '../../host/config/config.js';
import type { ConfigOptions } from '../options/location.js';
import { configFile, configText, type ConfigFile } from './config-file.js';

const read = new Map<string, Config>();

/**
 * The configuration that holds: --config-file, then XENFERRY_CONFIG, then /etc/xenferry/xenferry.conf, or for other users than root their
 * own in ~/.config. Read once in a process.
 * @throws UsageError `E_USAGE_CONFIG`; `E_USAGE_FILE` where a file that was named cannot be read
 */
export function configOf(options: ConfigOptions): Config {
  const known = read.get(configFile(options).file);
  if (known !== undefined) return known;
  return readAgain(options);
}

/** The same as it stands in the file now; a mistake in it leaves what was read before. */
export function readAgain(options: ConfigOptions): Config {
  const from = configFile(options);
  const config = configIn(from);
  read.set(from.file, config);
  return config;
}

/** What a file says now, whoever goes by it; what this process goes by stays as it is. */
export function configIn(from: ConfigFile): Config {
  const text = configText(from);
  return text === undefined ? NO_CONFIG : parseConfig(text, from.file);
}
