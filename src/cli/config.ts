import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { MAX_CONFIG_BYTES, NO_CONFIG, parseConfig, type Config } from '../driver/config/config.js';
import { UsageError } from '../errors/errors.js';

/** What every verb may be told of its configuration. */
export interface ConfigOptions {
  readonly configFile?: string | undefined;
}

const read = new Map<string, Config>();

/**
 * The configuration that holds: --config-file, then XENFERRY_CONFIG, then /etc/xenferry/xenferry.conf, or for other users than root their
 * own in ~/.config. Read once in a process.
 * @throws UsageError `E_USAGE_CONFIG`; `E_USAGE_FILE` where a file that was named cannot be read
 */
export function configOf(options: ConfigOptions): Config {
  const named = options.configFile ?? process.env.XENFERRY_CONFIG;
  const file = named ?? ownFile();
  const known = read.get(file);
  if (known !== undefined) return known;
  return readAgain(options);
}

/** The same as it stands in the file now; a mistake in it leaves what was read before. */
export function readAgain(options: ConfigOptions): Config {
  const { file, text } = configText(options);
  const config = text === undefined ? NO_CONFIG : parseConfig(text, file);
  read.set(file, config);
  return config;
}

/** The file that holds, as it is; without a text where it is not there and nobody has named it. */
export function configText(options: ConfigOptions): { readonly file: string; readonly text: string | undefined } {
  const named = options.configFile ?? process.env.XENFERRY_CONFIG;
  const file = named ?? ownFile();
  return { file, text: textOf(file, named !== undefined) };
}

function ownFile(): string {
  if (process.getuid?.() === 0) return '/etc/xenferry/xenferry.conf';
  return join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'xenferry', 'xenferry.conf');
}

function textOf(file: string, isNamed: boolean): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    if (!isNamed && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new UsageError('E_USAGE_FILE', `cannot read the configuration ${file}`, {
      cause,
      hint: 'Make it readable, or name another one with --config-file or XENFERRY_CONFIG.',
    });
  }
  if (bytes.length <= MAX_CONFIG_BYTES) return bytes.toString('utf8');
  throw new UsageError('E_USAGE_CONFIG', `${file}: over ${MAX_CONFIG_BYTES} bytes`, {
    hint: 'That is no configuration of xenferry: examples/xenferry.conf shows what one looks like.',
  });
}
