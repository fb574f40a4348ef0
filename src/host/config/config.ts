import { parse, TomlError } from 'smol-toml';
import { z } from '../../errors/zod.js';
import { DEFAULT_DEADLINES, type Deadlines } from '../../control/deadlines.js';
import { UsageError } from '../../errors/errors.js';
import { LOG_LEVELS, type LogLevel } from '../logs/log-line.js';
import type { Autoballoon } from '../memory/make-room.js';
import { KEEPALIVE_COUNT, KEEPALIVE_MS, type KeepaliveOptions } from '../../tunnel/keepalive.js';
import { nearest } from './nearest.js';

/** The configuration of this host. Absent keys were not set. */
export interface Config {
  /** Path of the file, for messages; undefined: there is no file. */
  readonly file: string | undefined;
  /** Host whose domains a command works on by default: a URI, or an alias. */
  readonly uriDefault?: string | undefined;
  /** Short names of URIs. */
  readonly uriAliases: ReadonlyMap<string, string>;
  /** HOST:PORT of `serve`. */
  readonly listen?: string | undefined;
  readonly tlsDir?: string | undefined;
  /** Names of the hosts that may send guests here. */
  readonly allow?: readonly string[] | undefined;
  /** Names of further hosts that may ask about migrations, and not begin any. */
  readonly allowRecover?: readonly string[] | undefined;
  /** Users and keys that may send guests by ssh; absent: every login that sshd accepts. */
  readonly allowSsh?: readonly string[] | undefined;
  /** Folders and files that guests of other hosts may use here; absent: the usual ones. */
  readonly guestPaths?: readonly string[] | undefined;
  /** Further permissions of theirs. */
  readonly peersMay?: readonly string[] | undefined;
  readonly hooksDir?: string | undefined;
  readonly hookMs?: number | undefined;
  /** Whether a monitor is started if no daemon watches; default: yes. */
  readonly monitor?: boolean | undefined;
  readonly logDir?: string | undefined;
  readonly logLevel?: LogLevel | undefined;
  /** Size at which a log is rotated. */
  readonly logBytes?: number | undefined;
  /** Number of rotated logs that are kept. */
  readonly logCount?: number | undefined;
  /** Most migrations at once, in each direction; default: no limit. */
  readonly maxMigrations?: number | undefined;
  /** Most arrivals at once, in all and from one host; absent: the defaults. Further ones are refused. */
  readonly maxArrivals?: number | undefined;
  readonly maxArrivalsOfPeer?: number | undefined;
  /** Keepalives on connections to other hosts; absent: the defaults. */
  readonly keepalive?: KeepaliveOptions | undefined;
  /** Whether domain 0 releases memory for guests. */
  readonly autoballoon?: Autoballoon | undefined;
  /** Whether guests with the host's own processor may run hypervisors (L03). */
  readonly nestedHvm?: boolean | undefined;
  /** Folder of disk leases; default: disks are not locked. */
  readonly leaseDir?: string | undefined;
  /** Whether clients of libvirt are served at libvirt's own sockets. */
  readonly libvirtSockets?: boolean | undefined;
  readonly deadlines: Partial<Deadlines>;
}

export const NO_CONFIG: Config = { file: undefined, uriAliases: new Map(), deadlines: {} };

const MAX_ALIASES = 1000;

const ALIAS = /^([A-Za-z0-9_-]+)=(\S+:\/\/\S+)$/;
const SECONDS = z.number().positive().max(86_400);
const DEADLINE_NAMES = Object.keys(DEFAULT_DEADLINES).map((name) => name.replace(/Ms$/, ''));
const absolute = z.string().regex(/^\//, 'an absolute path is needed');

const schema = z.strictObject({
  uri_default: z.string().min(1).optional(),
  uri_aliases: z
    .array(z.string().regex(ALIAS, 'not NAME=URI with a name of letters, digits, - and _'))
    .max(MAX_ALIASES)
    .optional(),
  listen: z.string().min(1).optional(),
  tls_dir: absolute.optional(),
  allow: z.array(z.string()).max(MAX_ALIASES).optional(),
  allow_recover: z.array(z.string()).max(MAX_ALIASES).optional(),
  allow_ssh: z.array(z.string()).max(MAX_ALIASES).optional(),
  guest_paths: z.array(absolute).max(MAX_ALIASES).optional(),
  peers_may: z.array(z.string()).max(MAX_ALIASES).optional(),
  hooks_dir: absolute.optional(),
  hook_timeout: SECONDS.optional(),
  monitor: z.boolean().optional(),
  log_dir: absolute.optional(),
  log_level: z.enum(LOG_LEVELS).optional(),
  log_size: z.number().positive().max(1024).optional(),
  log_count: z.int().min(0).max(100).optional(),
  max_migrations: z.int().min(1).max(1000).optional(),
  max_arrivals: z.int().min(1).max(1000).optional(),
  max_arrivals_of_peer: z.int().min(1).max(1000).optional(),
  keepalive_interval: z.int().min(0).max(3600).optional(),
  keepalive_count: z.int().min(1).max(100).optional(),
  autoballoon: z.union([z.literal('auto'), z.boolean()]).optional(),
  nested_hvm: z.boolean().optional(),
  lock_manager: z.enum(['none', 'file']).optional(),
  lease_dir: absolute.optional(),
  libvirt_sockets: z.boolean().optional(),
  deadlines: z.strictObject(Object.fromEntries(DEADLINE_NAMES.map((name) => [name, SECONDS.optional()]))).optional(),
});

/** All keys, tables as `TABLE.KEY`. */
export const CONFIG_KEYS: readonly string[] = [
  ...Object.keys(schema.shape).filter((key) => key !== 'deadlines'),
  ...DEADLINE_NAMES.map((name) => `deadlines.${name}`),
];

/**
 * Parses a configuration file, in TOML (S08).
 * @throws UsageError `E_USAGE_CONFIG` naming file, line and remedy of the first error
 */
export function parseConfig(text: string, file: string): Config {
  const read = readConfig(text, file);
  if ('config' in read) return read.config;
  throw read.mistakes[0];
}

/** Parses a configuration file; all errors that can be found at once, in the order of their lines. */
export function readConfig(
  text: string,
  file: string,
): { readonly config: Config } | { readonly mistakes: readonly UsageError[] } {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const why = error.message.split('\n')[0].replace(/^Invalid TOML document: /, '');
    return { mistakes: [bad(file, error.line, why)] };
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.flatMap((issue) => problemsIn(text, raw, file, issue));
    return { mistakes: inOrder(mistakes) };
  }
  const said = parsed.data;
  const { aliases, mistakes } = aliasesOf(said.uri_aliases ?? [], text, file);
  if (said.lock_manager === 'file' && said.lease_dir === undefined) {
    const hint = 'Set `lease_dir` to a folder that all hosts share that share disks.';
    mistakes.push(bad(file, lineOf(text, ['lock_manager']), 'lock_manager: "file" needs a lease_dir', hint));
  }
  return mistakes.length === 0 ? { config: configFrom(said, aliases, file) } : { mistakes: inOrder(mistakes) };
}

function configFrom(said: z.infer<typeof schema>, uriAliases: ReadonlyMap<string, string>, file: string): Config {
  const deadlines: Record<string, number> = {};
  for (const [name, seconds] of Object.entries(said.deadlines ?? {})) {
    if (seconds !== undefined) deadlines[`${name}Ms`] = seconds * 1000;
  }
  return {
    file,
    uriDefault: said.uri_default,
    uriAliases,
    listen: said.listen,
    tlsDir: said.tls_dir,
    allow: said.allow,
    allowRecover: said.allow_recover,
    allowSsh: said.allow_ssh,
    guestPaths: said.guest_paths,
    peersMay: said.peers_may,
    hooksDir: said.hooks_dir,
    hookMs: said.hook_timeout === undefined ? undefined : said.hook_timeout * 1000,
    monitor: said.monitor,
    logDir: said.log_dir,
    logLevel: said.log_level,
    logBytes: said.log_size === undefined ? undefined : said.log_size * 1024 * 1024,
    logCount: said.log_count,
    maxMigrations: said.max_migrations,
    maxArrivals: said.max_arrivals,
    maxArrivalsOfPeer: said.max_arrivals_of_peer,
    keepalive: keepaliveOf(said.keepalive_interval, said.keepalive_count),
    autoballoon: said.autoballoon,
    nestedHvm: said.nested_hvm,
    libvirtSockets: said.libvirt_sockets,
    leaseDir: said.lock_manager === 'file' ? said.lease_dir : undefined,
    deadlines,
  };
}

/** The errors in the order of their lines. */
export function inOrder(mistakes: readonly UsageError[]): UsageError[] {
  return [...mistakes].sort((one, other) => Number(one.data.line ?? 0) - Number(other.data.line ?? 0));
}

/**
 * As in libvirt: interval in seconds, 0 for none; number of unanswered probes after which the connection counts as
 * lost.
 */
function keepaliveOf(interval: number | undefined, count: number | undefined): KeepaliveOptions | undefined {
  if (interval === undefined && count === undefined) return undefined;
  return {
    keepaliveMs: interval === undefined ? KEEPALIVE_MS : interval * 1000,
    keepaliveCount: count ?? KEEPALIVE_COUNT,
  };
}

function aliasesOf(
  entries: readonly string[],
  text: string,
  file: string,
): { aliases: Map<string, string>; mistakes: UsageError[] } {
  const aliases = new Map<string, string>();
  const mistakes: UsageError[] = [];
  for (const entry of entries) {
    const [, name, uri] = ALIAS.exec(entry) ?? [];
    if (aliases.has(name)) {
      mistakes.push(bad(file, lineOf(text, ['uri_aliases'], entry), `uri_aliases: ${name} is set twice`));
    }
    aliases.set(name, uri);
  }
  return { aliases, mistakes };
}

/** The URI for an alias; a text with `://` is a URI itself. */
export function resolveAlias(config: Config, text: string): string {
  return text.includes('://') ? text : (config.uriAliases.get(text) ?? text);
}

function problemsIn(text: string, raw: unknown, file: string, issue: z.core.$ZodIssue): UsageError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const unknown = [...path, key];
      const guess = nearest(unknown.join('.'), CONFIG_KEYS);
      const hint = guess === undefined ? `The keys: ${CONFIG_KEYS.join(', ')}.` : `Did you mean ${guess}?`;
      return bad(file, lineOf(text, unknown), `${unknown.join('.')} is not a known key`, hint);
    });
  }
  return [mistakeAt(text, file, path, valueAt(raw, issue.path), issue.message)];
}

/** An error in the value of a key. @param path of the key, and of the entry where it is a list */
export function mistakeAt(
  text: string,
  file: string,
  path: readonly string[],
  value: unknown,
  why: string,
): UsageError {
  const line = lineOf(
    text,
    path.filter((part) => !/^\d+$/.test(part)),
    typeof value === 'string' ? value : undefined,
  );
  return bad(file, line, `${path.join('.')}: ${why}`);
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let inside = raw;
  for (const key of path) {
    if (typeof inside !== 'object' || inside === null) return undefined;
    inside = Reflect.get(inside, key);
  }
  return inside;
}

function bad(file: string, line: number | undefined, why: string, hint?: string): UsageError {
  const place = line === undefined ? file : `${file}:${line}`;
  return new UsageError('E_USAGE_CONFIG', `${place}: ${why}`, {
    hint: hint ?? 'Correct that line; examples/xenferry.conf explains every key.',
    data: { file, ...(line === undefined ? {} : { line }) },
  });
}

/** The line of a key, or of an entry of its list: the parser reports lines of syntax errors only. */
function lineOf(text: string, path: readonly string[], entry?: string): number | undefined {
  const lines = text.split('\n');
  const key = path.at(-1) ?? '';
  const pattern = new RegExp(
    `^\\s*(?:${path.slice(0, -1).join('\\.')}\\.)?"?${escaped(key)}"?\\s*=|^\\s*\\[${escaped(path.join('.'))}\\]`,
  );
  const at = lines.findIndex((line) => pattern.test(line));
  if (entry === undefined) return at < 0 ? undefined : at + 1;
  const inList = lines.findIndex((line, index) => index >= at && line.includes(entry));
  return inList < 0 ? at + 1 : inList + 1;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
