import { closeSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { ConfigOptions } from '../options/location.js';
import { UsageError } from '../../errors/errors.js';
import { openTrusted, UntrustedPathError } from '../../posix/trusted-path.js';

const MAX_CONFIG_BYTES = 256 * 1024;

/** Which file holds, there or not, and whether somebody has named it. */
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
 * The file as it is; undefined where it is not there and was not named.
 * @throws UsageError where it cannot be read, or is too long; UntrustedPathError where others may change it
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
    hint: 'That is no configuration of xenferry: examples/xenferry.conf shows what one looks like.',
  });
}
