import { closeSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { ConfigOptions } from '../options/location.js';
import { UsageError } from '../../errors/errors.js';
import { openTrusted, UntrustedPathError } from '../../posix/trusted-path.js';

const MAX_CONFIG_BYTES = 256 * 1024;

/** The configuration file, existing or not, and whether it was named explicitly. */
export interface ConfigFile {
  readonly file: string;
  readonly isNamed: boolean;
}

export function configFile(options: ConfigOptions): ConfigFile {
  const named = options.configFile ?? process.env.XENFERRY_CONFIG;
  return { file: named ?? ownFile(), isNamed: named !== undefined };
}

function ownFile(): string {
  if (process.getuid?.() === 0) return '/etc/xenferry/xenferry.conf';
  return join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'xenferry', 'xenferry.conf');
}

/**
 * The contents of the file; undefined if it does not exist and was not named.
 * @throws UsageError if it cannot be read, or is too long; UntrustedPathError if others may change it
 */
export function configText({ file, isNamed }: ConfigFile): string | undefined {
  let bytes: Buffer;
  try {
    const fd = openTrusted(file);
    try {
      bytes = readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof UntrustedPathError) throw cause;
    if (!isNamed && cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new UsageError('E_USAGE_FILE', `cannot read the configuration ${file}`, {
      cause,
      hint: 'Make it readable, or name another one with --config-file or XENFERRY_CONFIG.',
    });
  }
  if (bytes.length <= MAX_CONFIG_BYTES) return bytes.toString('utf8');
  throw new UsageError('E_USAGE_CONFIG', `${file}: over ${MAX_CONFIG_BYTES} bytes`, {
    hint: 'This is not a configuration of xenferry: examples/xenferry.conf is an example.',
  });
}
