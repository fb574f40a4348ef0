import { join, resolve } from 'node:path';
import process from 'node:process';
import { DEFAULT_DEADLINES, type Deadlines } from '../control/deadlines.js';
import { DomainLogs } from '../host/logs/domain-logs.js';
import type { Rotation } from '../host/logs/log-file.js';
import type { LogLevel } from '../host/logs/log-line.js';
import { Hooks } from '../host/hooks/hooks.js';
import { Host } from '../host/host.js';
import { openToolstack } from '../host/open.js';
import { resolveAlias, type Config } from '../host/config/config.js';
import type { ConnectUri } from '../host/config/uri.js';
import { SystemError, UsageError } from '../errors/errors.js';
import { makeFolder } from '../posix/folder.js';
import { trustFolder, UntrustedPathError } from '../posix/trusted-path.js';
import { configOf } from './config.js';
import { monitorStarter, type MonitorLocation } from './monitor-starter.js';
import { printNote } from './output.js';
import { connectUriOf, stateFolderOf, type GlobalOptions, type HostLocation } from './host-location.js';
import { ownVersion } from './version.js';

export type { GlobalOptions } from './host-location.js';

function connectUri(options: GlobalOptions): ConnectUri {
  const config = configOf(options);
  return connectUriOf(options, config.uriDefault, (text) => resolveAlias(config, text));
}

/** Where xenferry keeps its own state: journals, job locks. */
export function stateDirOf(options: GlobalOptions, uri = connectUri(options)): string {
  return stateFolderOf(options, uri);
}

/** Which host the options mean, and where its state is. */
export function locationOf(options: GlobalOptions): HostLocation {
  const uri = connectUri(options);
  return { uri, stateDir: stateDirOf(options, uri) };
}

/** `--deadline stall=120`: names without their `Ms`, values in seconds. */
export function deadlinesOf(options: GlobalOptions): Deadlines {
  const changed: Record<string, number> = { ...DEFAULT_DEADLINES, ...configOf(options).deadlines };
  for (const item of options.deadline ?? []) {
    const match = /^([a-z]+)=(\d+(?:\.\d+)?)$/.exec(item);
    const key = `${match?.[1] ?? ''}Ms`;
    if (match === null || !(key in changed)) {
      const names = Object.keys(DEFAULT_DEADLINES).map((name) => name.replace(/Ms$/, ''));
      throw new UsageError('E_USAGE_DEADLINE', `--deadline ${item}: not NAME=SECONDS with a known name`, {
        hint: `Names: ${names.join(', ')}.`,
      });
    }
    changed[key] = Number(match[2]) * 1000;
  }
  return { ...DEFAULT_DEADLINES, ...changed };
}

export interface OpenOptions {
  /** The caller watches the host's domains itself: no monitor is left behind. */
  readonly isWatching?: boolean;
  /** The caller is a daemon: what its guests would wait for is made ready ahead. */
  readonly stays?: boolean;
  /** Where notes go; default: standard error. */
  readonly log?: (line: string) => void;
}

/** The host that the options name. Whoever opens it disposes it. */
export async function openHost(options: GlobalOptions, how: OpenOptions = {}): Promise<Host> {
  const uri = connectUri(options);
  const stateDir = stateDirOf(options, uri);
  const say = how.log ?? ((line) => printNote(`warning: ${line}`));
  const logOptions = logsOf(options);
  const logs = new DomainLogs({ ...logOptions, complain: say });
  const log = (line: string): void => {
    logs.driver('warning', line);
    say(line);
  };
  const host = new Host({
    toolstack: await openToolstack(uri, ownVersion(), how.stays === true),
    stateDir,
    deadlines: deadlinesOf(options),
    maxMigrations: configOf(options).maxMigrations,
    maxArrivals: configOf(options).maxArrivals,
    maxArrivalsOfPeer: configOf(options).maxArrivalsOfPeer,
    pid: process.pid,
    version: ownVersion(),
    participants: [
      logs,
      hooksOf(configOf(options), uri, stateDir, log),
      ...(how.isWatching === true ? [] : [monitorStarter(monitorLocation(options))]),
    ],
    autoballoon: configOf(options).autoballoon,
    nestedHvm: configOf(options).nestedHvm,
    leaseDir: configOf(options).leaseDir,
    peers: configOf(options),
    log,
    onToolstackLog: (level, text, domain) => logs.toolstack(level, text, domain),
    onSeen: (infos) => {
      for (const { domid, name } of infos) logs.know(domid, name);
    },
  });
  try {
    makeLogFolder(logOptions.dir);
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
  return host;
}

/** Later a log that cannot be written fails nothing; a folder that cannot be made, or that others may fill, is a mistake to be told of (S04). */
function makeLogFolder(dir: string): void {
  try {
    makeFolder(dir);
    trustFolder(dir);
  } catch (cause) {
    if (cause instanceof UntrustedPathError) throw cause;
    throw new SystemError('E_SYSTEM_LOG_DIR', `cannot make the folder of the logs ${dir}`, {
      cause,
      hint: 'Name a folder that you may write to as `log_dir` in the configuration.',
    });
  }
}

/** Where this host's logs are, and how they are kept. */
export function logsOf(options: GlobalOptions): Rotation & { readonly dir: string; readonly level: LogLevel } {
  const config = configOf(options);
  const uri = connectUri(options);
  const isSystem = uri.kind === 'xen' && process.getuid?.() === 0;
  return {
    dir: config.logDir ?? (isSystem ? '/var/log/xenferry' : join(stateDirOf(options, uri), 'logs')),
    level: config.logLevel ?? 'info',
    bytes: config.logBytes ?? 2 * 1024 * 1024,
    count: config.logCount ?? 3,
  };
}

const HOOK_MS = 20_000;
/** What a hook sees of our environment; LC_ALL is C. */
const HOOK_VARIABLES = ['PATH', 'HOME', 'USER', 'LOGNAME'] as const;

/** The operator's scripts: XENFERRY_HOOKS, then `hooks_dir`, then /etc/xenferry/hooks; for an embedded host a folder of its own. */
function hooksOf(config: Config, uri: ConnectUri, stateDir: string, log: (line: string) => void): Hooks {
  const usual = uri.kind === 'xen' ? '/etc/xenferry/hooks' : join(stateDir, 'hooks');
  const dir = process.env.XENFERRY_HOOKS ?? config.hooksDir ?? usual;
  const passed = HOOK_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return new Hooks({
    dir,
    environment: { LC_ALL: 'C', ...Object.fromEntries(passed) },
    timeMs: config.hookMs ?? HOOK_MS,
    log,
  });
}

/** Where a monitor of the host that the options name has to look. `monitor = false` and XENFERRY_MONITOR=off leave none behind. */
export function monitorLocation(options: GlobalOptions): MonitorLocation {
  const uri = connectUri(options);
  const { file, monitor } = configOf(options);
  return {
    enabled: monitor !== false && process.env.XENFERRY_MONITOR !== 'off',
    uri,
    stateDir: stateDirOf(options, uri),
    // It does not run in our working directory.
    words: file === undefined ? [] : ['--config-file', resolve(file)],
  };
}
