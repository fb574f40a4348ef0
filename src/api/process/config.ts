import { NO_CONFIG, parseConfig, type Config } from '../../host/config/config.js';
import type { ConfigOptions } from '../options/location.js';
import { configFile, configText, type ConfigFile } from './config-file.js';

const read = new Map<string, Config>();

/**
 * The effective configuration: --config-file, then XENFERRY_CONFIG, then /etc/xenferry/xenferry.conf, or for other users than root their
 * own in ~/.config. Read once in a process.
 * @throws UsageError `E_USAGE_CONFIG`; `E_USAGE_FILE` if a file that was named cannot be read
 */
export function configOf(options: ConfigOptions): Config {
  const known = read.get(configFile(options).file);
  if (known !== undefined) return known;
  return readAgain(options);
}

/** Reads the configuration again; after an error the previous one stays. */
export function readAgain(options: ConfigOptions): Config {
  const from = configFile(options);
  const config = configIn(from);
  read.set(from.file, config);
  return config;
}

/** The present contents of a file; the configuration of this process is unchanged. */
export function configIn(from: ConfigFile): Config {
  const text = configText(from);
  return text === undefined ? NO_CONFIG : parseConfig(text, from.file);
}
