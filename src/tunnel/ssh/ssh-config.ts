import { matchesPatternList } from './host-pattern.js';
import { hopOfCommand } from './proxy-command.js';
import { configError, configLines, type ConfigLine, type ConfigSource } from './ssh-config-lines.js';
import { parseSshTime } from './ssh-words.js';

const SSH_PORT = 22;
/** As OpenSSH's READCONF_MAX_DEPTH. */
const MAX_INCLUDE_DEPTH = 16;

/**
 * Keywords that change which host is reached, which key of it is good or which key of ours is shown, and that are not followed; with the
 * values that ask for nothing else than what is done anyhow.
 */
const NOT_FOLLOWED: ReadonlyMap<string, readonly string[]> = new Map([
  ['addressfamily', ['any']],
  ['bindaddress', []],
  ['bindinterface', []],
  ['canonicalizehostname', ['no', 'false']],
  ['certificatefile', ['none']],
  ['knownhostscommand', ['none']],
  ['nohostauthenticationforlocalhost', ['no', 'false']],
  ['pkcs11provider', ['none']],
  ['pubkeyauthentication', ['yes', 'true', 'unbound', 'host-bound']],
  ['revokedhostkeys', ['none']],
  ['verifyhostkeydns', ['no', 'false']],
]);

/** The configuration of one host, before `~` and `%` are expanded. */
export interface SshHostConfig {
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  /** All of them, in order: each one that applies adds to the list. */
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** A socket's path, or `none`. */
  readonly identityAgent?: string;
  /** The hops in order, as written; empty for none. */
  readonly proxyJump: readonly string[];
  readonly userKnownHostsFiles?: readonly string[];
  readonly globalKnownHostsFiles?: readonly string[];
  readonly hostKeyAlias?: string;
  readonly connectTimeoutMs?: number;
  /** What was read and not followed, as sentences with file and line. */
  readonly notices: readonly string[];
}

/** Finds the files that an Include names. Relative to `~/.ssh` or `/etc/ssh`: the reader knows which. */
export type IncludeReader = (pattern: string, from: ConfigSource) => readonly ConfigSource[];

/** A keyword's value is the first one that applies. */
interface Gathered {
  readonly first: Map<string, { readonly line: ConfigLine; readonly source: ConfigSource }>;
  readonly identityFiles: string[];
  readonly notices: string[];
}

/** Keywords of which the first that applies wins; all others but IdentityFile are none of ours. */
const FIRST_WINS: ReadonlySet<string> = new Set([
  'hostname',
  'user',
  'port',
  'identitiesonly',
  'identityagent',
  'userknownhostsfile',
  'globalknownhostsfile',
  'hostkeyalias',
  'connecttimeout',
  'stricthostkeychecking',
]);

/**
 * The settings for a host in OpenSSH configuration files, by the rules of ssh_config(5): the files in
 * order, the first value wins, `Host` blocks with patterns and negation, `Include`, and of `Match`
 * only `Match all` (other ones are skipped, with a notice). Pure: files come in as text.
 *
 * `StrictHostKeyChecking` is read and not followed if it would weaken the check: xenferry
 * carries guests' memory, so that an unknown host key is always refused.
 *
 * @param host the name as the user gave it, which is what patterns see
 * @throws TunnelError `E_TUNNEL_SSH_CONFIG` with file and line
 */
export function readSshConfig(host: string, sources: readonly ConfigSource[], include: IncludeReader): SshHostConfig {
  const gathered: Gathered = { first: new Map(), identityFiles: [], notices: [] };
  for (const source of sources) readSource(host, source, include, gathered, true, 0);
  return toHostConfig(gathered);
}

function readSource(
  host: string,
  source: ConfigSource,
  include: IncludeReader,
  into: Gathered,
  parentActive: boolean,
  depth: number,
): void {
  let active = parentActive;
  for (const line of configLines(source)) {
    if (line.keyword === 'host') {
      active = parentActive && matchesPatternList(host, line.words);
    } else if (line.keyword === 'match') {
      active = parentActive && matchAll(line, source, into);
    } else if (line.keyword === 'include') {
      if (!active) continue;
      if (depth + 1 > MAX_INCLUDE_DEPTH) {
        throw configError(source.path, line.lineNumber, `Include is nested more than ${MAX_INCLUDE_DEPTH} deep`);
      }
      for (const pattern of line.words) {
        for (const included of include(pattern, source)) readSource(host, included, include, into, active, depth + 1);
      }
    } else if (active) {
      take(line, source, into);
    }
  }
}

function matchAll(line: ConfigLine, source: ConfigSource, into: Gathered): boolean {
  if (line.words.length === 1 && line.words[0]?.toLowerCase() === 'all') return true;
  into.notices.push(
    `${source.path}:${line.lineNumber}: skipped \`Match ${line.words.join(' ')}\`: only \`Match all\` is read`,
  );
  return false;
}

function take(line: ConfigLine, source: ConfigSource, into: Gathered): void {
  // ProxyCommand and ProxyJump compete: whichever comes first counts (ssh_config(5), ProxyJump).
  const key = line.keyword === 'proxycommand' || line.keyword === 'proxyjump' ? 'proxy' : line.keyword;
  if (key === 'identityfile') into.identityFiles.push(line.words[0] ?? '');
  if (key !== 'proxy' && !FIRST_WINS.has(key) && !NOT_FOLLOWED.has(key)) return;
  if (!into.first.has(key)) into.first.set(key, { line, source });
}

function toHostConfig(gathered: Gathered): SshHostConfig {
  const get = (key: string): string | undefined => gathered.first.get(key)?.line.words[0];
  const list = (key: string): readonly string[] | undefined => gathered.first.get(key)?.line.words;
  const hostName = get('hostname');
  const user = get('user');
  const port = readPort(gathered);
  const timeoutMs = readTimeout(gathered);
  const hostKeyAlias = get('hostkeyalias');
  const identityAgent = get('identityagent');
  const userKnownHostsFiles = list('userknownhostsfile');
  const globalKnownHostsFiles = list('globalknownhostsfile');
  noteWeakening(gathered);
  noteNotFollowed(gathered);
  return {
    ...(hostName === undefined ? {} : { hostName }),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
    identityFiles: gathered.identityFiles,
    identitiesOnly: readYesNo(gathered, 'identitiesonly'),
    ...(identityAgent === undefined ? {} : { identityAgent }),
    proxyJump: readProxy(gathered),
    ...(userKnownHostsFiles === undefined ? {} : { userKnownHostsFiles }),
    ...(globalKnownHostsFiles === undefined ? {} : { globalKnownHostsFiles }),
    ...(hostKeyAlias === undefined ? {} : { hostKeyAlias }),
    ...(timeoutMs === undefined ? {} : { connectTimeoutMs: timeoutMs }),
    notices: gathered.notices,
  };
}

function readPort(gathered: Gathered): number | undefined {
  const found = gathered.first.get('port');
  if (found === undefined) return undefined;
  const text = found.line.words[0] ?? '';
  if (text === 'ssh') return SSH_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw configError(found.source.path, found.line.lineNumber, `port: ${JSON.stringify(text)} is not possible`);
}

/** No timer of ours runs longer. */
const MOST_MS = 2 ** 31 - 1;

/** 0 and `none` leave it to the one who connects. */
function readTimeout(gathered: Gathered): number | undefined {
  const found = gathered.first.get('connecttimeout');
  const text = found?.line.words[0] ?? 'none';
  if (found === undefined || text === 'none') return undefined;
  const seconds = parseSshTime(text);
  if (seconds !== undefined) return seconds === 0 ? undefined : Math.min(seconds * 1000, MOST_MS);
  throw configError(
    found.source.path,
    found.line.lineNumber,
    `connecttimeout: ${JSON.stringify(text)} is no time such as 30, 10m or 1h30m`,
  );
}

function readYesNo(gathered: Gathered, key: string): boolean {
  const found = gathered.first.get(key);
  const text = found?.line.words[0]?.toLowerCase();
  if (found === undefined || text === 'no' || text === 'false') return false;
  if (text === 'yes' || text === 'true') return true;
  throw configError(found.source.path, found.line.lineNumber, `${key}: yes or no is expected`);
}

function readProxy(gathered: Gathered): readonly string[] {
  const found = gathered.first.get('proxy');
  const first = found?.line.words[0];
  if (found === undefined || first === undefined || first.toLowerCase() === 'none') return [];
  if (found.line.keyword === 'proxycommand') {
    const hop = hopOfCommand(found.line.words);
    gathered.notices.push(
      `${found.source.path}:${found.line.lineNumber}: ProxyCommand is not run: ` +
        (hop === undefined
          ? 'the host is dialled directly; use ProxyJump, which starts no program'
          : `it is read as ProxyJump ${hop}`),
    );
    return hop === undefined ? [] : [hop];
  }
  return found.line.words
    .join(',')
    .split(',')
    .filter((hop) => hop !== '');
}

function noteWeakening(gathered: Gathered): void {
  const found = gathered.first.get('stricthostkeychecking');
  const text = found?.line.words[0]?.toLowerCase();
  if (found === undefined || text === 'yes' || text === 'ask' || text === 'true') return;
  gathered.notices.push(
    `${found.source.path}:${found.line.lineNumber}: StrictHostKeyChecking ${text ?? ''} is not followed: ` +
      'host keys are always checked',
  );
}

function noteNotFollowed({ first, notices }: Gathered): void {
  for (const [keyword, harmless] of NOT_FOLLOWED) {
    const found = first.get(keyword);
    if (found === undefined || harmless.includes(found.line.words[0]?.toLowerCase() ?? '')) continue;
    const name = found.line.name;
    notices.push(
      `${found.source.path}:${found.line.lineNumber}: ${name} ${found.line.words.join(' ')} is not followed`,
    );
  }
}
