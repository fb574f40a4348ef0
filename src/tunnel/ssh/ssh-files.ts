import type { ErrorCode } from '../../errors/codes.js';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { TunnelError } from '../../errors/errors.js';
import { pastedWord } from '../../errors/shell-words.js';
import { matchesPattern } from './host-pattern.js';
import type { IncludeReader } from './ssh-config.js';
import { configLines, type ConfigSource } from './ssh-config-lines.js';
import { variablesIn } from './ssh-tokens.js';

/** Far above any real one; bounds the reading of a wrong path. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** known_hosts of a large site: some 40000 hosts. */
const MAX_KNOWN_HOSTS_BYTES = 16 * 1024 * 1024;
/** An Include never names more files than this. */
const MAX_INCLUDED_FILES = 256;

/** Whose ssh files are read. The command line fills it in from its environment. */
export interface SshEnvironment {
  readonly home: string;
  /** The local user's name, which is the default of the remote one. */
  readonly user: string;
  readonly uid: number;
  /** SSH_AUTH_SOCK, if set. */
  readonly agentSocket?: string;
  /** This host's name; the system's where absent. */
  readonly hostname?: string;
  /** The variables that the configuration refers to, where they are set. */
  readonly variables?: Readonly<Partial<Record<string, string>>>;
  /** Folder of the system's ssh_config and ssh_known_hosts; `/etc/ssh` where absent. */
  readonly systemDir?: string;
}

/** `~/.ssh` of the environment's user. */
export function userDir(environment: SshEnvironment): string {
  return join(environment.home, '.ssh');
}

/** The folder of ssh's system-wide files. */
export function systemDir(environment: SshEnvironment): string {
  return environment.systemDir ?? '/etc/ssh';
}

/** The user's configuration, then the system's; those that are there. @throws TunnelError `E_TUNNEL_SSH_CONFIG` */
export function readConfigSources(environment: SshEnvironment): ConfigSource[] {
  const user = readConfig(join(userDir(environment), 'config'), environment);
  const system = readConfig(join(systemDir(environment), 'ssh_config'), environment);
  return [user, system].filter((source) => source !== undefined);
}

/** Resolves an Include: relative to the folder of the file's kind; `*` and `?` in the last part of a path. */
export function includeReader(environment: SshEnvironment): IncludeReader {
  return (pattern, from) => {
    const expanded = pattern.startsWith('~/') ? join(environment.home, pattern.slice(2)) : pattern;
    const base = from.path.startsWith(`${systemDir(environment)}/`) ? systemDir(environment) : userDir(environment);
    const path = isAbsolute(expanded) ? expanded : join(base, expanded);
    return namesOf(path)
      .map((each) => readConfig(each, environment))
      .filter((source) => source !== undefined);
  };
}

/**
 * The names of the environment's variables that the configuration refers to, in whatever block and whatever is included. Empty where
 * the configuration cannot be read, which is reported when it is needed.
 */
export function variablesOfConfig(environment: SshEnvironment): string[] {
  const include = includeReader(environment);
  const names = new Set<string>();
  const seen = new Set<string>();
  const read = (source: ConfigSource): void => {
    if (seen.has(source.path) || seen.size >= MAX_INCLUDED_FILES) return;
    seen.add(source.path);
    for (const name of variablesIn(source.text)) names.add(name);
    for (const { keyword, words } of configLines(source)) {
      if (keyword === 'include') for (const word of words) for (const included of include(word, source)) read(included);
    }
  };
  try {
    for (const source of readConfigSources(environment)) read(source);
  } catch {
    return [];
  }
  return [...names];
}

/** The text of known_hosts files; a missing one reads as empty. @throws TunnelError `E_TUNNEL_KNOWN_HOSTS` */
export function readKnownHostsFiles(paths: readonly string[]): { readonly path: string; readonly text: string }[] {
  return paths.map((path) => {
    const read = readBounded(path, MAX_KNOWN_HOSTS_BYTES, 'E_TUNNEL_KNOWN_HOSTS');
    return { path, text: read?.text ?? '' };
  });
}

function namesOf(path: string): string[] {
  const name = basename(path);
  if (!/[*?]/.test(name)) return [path];
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return []; // an Include may name missing files (ssh_config(5))
  }
  return names
    .filter((each) => (name.startsWith('.') || !each.startsWith('.')) && matchesPattern(each, name))
    .sort()
    .slice(0, MAX_INCLUDED_FILES)
    .map((each) => join(dirname(path), each));
}

function readConfig(path: string, environment: SshEnvironment): ConfigSource | undefined {
  const read = readBounded(path, MAX_CONFIG_BYTES, 'E_TUNNEL_SSH_CONFIG');
  if (read === undefined) return undefined;
  // As OpenSSH: who can write it could send us, and our key's signature, to another host.
  if ((read.uid !== 0 && read.uid !== environment.uid) || (read.mode & 0o022) !== 0) {
    throw new TunnelError('E_TUNNEL_SSH_CONFIG', `${path} may be written by others`, {
      hint: `Run \`chown ${pastedWord(environment.user)} ${pastedWord(path)}; chmod 600 ${pastedWord(path)}\` after looking at what is in it.`,
      data: { path },
    });
  }
  return { path, text: read.text };
}

interface ReadFile {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
}

/** Undefined if there is no such file, or something that is not a file (`/dev/null` is a usual way to say "none"). */
function readBounded(path: string, most: number, code: ErrorCode): ReadFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, code, error);
  }
  try {
    const { mode, uid, size } = fstatSync(fd);
    if ((mode & 0o170000) !== 0o100000) return undefined;
    if (size > most) throw new Error(`${size} bytes are more than the ${most} that are read`);
    return { text: readFileSync(fd, 'utf8'), mode, uid };
  } catch (error) {
    throw unreadable(path, code, error);
  } finally {
    closeSync(fd);
  }
}

function unreadable(path: string, code: ErrorCode, cause: unknown): TunnelError {
  return new TunnelError(code, `${path} cannot be read`, {
    cause,
    hint: `Make ${path} readable for you, or move it away.`,
    data: { path },
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
