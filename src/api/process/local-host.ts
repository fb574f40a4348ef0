import { join } from 'node:path';
import process from 'node:process';
import { DEFAULT_DEADLINES, type Deadlines } from '../../control/deadlines.js';
import { SystemError, UsageError } from '../../errors/errors.js';
import { resolveAlias, type Config } from '../../host/config/config.js';
import type { ConnectUri } from '../../host/config/uri.js';
import { Hooks } from '../../host/hooks/hooks.js';
import { Host as HostDriver, type HostOptions as DriverOptions } from '../../host/host.js';
import { DomainLogs } from '../../host/logs/domain-logs.js';
import type { Rotation } from '../../host/logs/log-file.js';
import type { LogLevel } from '../../host/logs/log-line.js';
import { openToolstack } from '../../host/open.js';
import { makeFolder } from '../../posix/folder.js';
import { trustFolder, UntrustedPathError } from '../../posix/trusted-path.js';
import { configOf } from './config.js';
import type { Host, HostOptions } from '../options/host.js';
import type { LocationOptions } from '../options/location.js';
import { connectUriOf, stateFolderOf, type HostLocation } from './host-location.js';
import { monitorStarter, type MonitorLocation } from './monitor-starter.js';
import { ownVersion } from './version.js';

/** How a process of xenferry itself opens a host. */
export interface ProcessOptions extends HostOptions {
  /** The caller watches the host's domains itself: no monitor process is started. */
  readonly isWatching?: boolean;
  /** The caller is a daemon: what arriving guests would wait for is prepared ahead. */
  readonly stays?: boolean;
}

/** A host that `openHost` has opened: the driver's, with the options and the configuration that hold for it. */
export class LocalHost extends HostDriver {
  readonly config: Config;
  readonly configFile: string | undefined;

  constructor(options: DriverOptions, config: Config, configFile: string | undefined) {
    super(options);
    this.config = config;
    this.configFile = configFile;
  }
}

/** The driver's side of a host. @throws UsageError `E_USAGE_NOT_OPENED` for an object that `openHost` has not made */
export function localHost(host: Host): LocalHost {
  if (host instanceof LocalHost) return host;
  throw new UsageError('E_USAGE_NOT_OPENED', 'this object is not a host that openHost has opened', {
    hint: 'Pass what `await openHost(...)` returned, of the same copy of the package.',
  });
}

function connectUri(options: LocationOptions): ConnectUri {
  const config = configOf(options);
  return connectUriOf(options, config.uriDefault, (text) => resolveAlias(config, text));
}

/** Which host the options name, and where its state is. @throws UsageError `E_USAGE_URI`, `E_USAGE_CONFIG`, `E_USAGE_FILE` */
export function locationOf(options: LocationOptions): HostLocation {
  const uri = connectUri(options);
  return { uri, stateDir: stateFolderOf(options, uri) };
}

/** The deadlines that hold: the given ones, then the configuration's, then the usual ones. */
export function deadlinesFor(options: HostOptions): Deadlines {
  return { ...DEFAULT_DEADLINES, ...configOf(options).deadlines, ...options.deadlines };
}

/** Opens a host for a process of xenferry itself. Its opener disposes it. @throws as `openHost` */
export async function openLocalHost(options: ProcessOptions): Promise<LocalHost> {
  const { uri, stateDir } = locationOf(options);
  const config = configOf(options);
  const warn = options.onWarning ?? (() => undefined);
  const logOptions = logsOf(options);
  const logs = new DomainLogs({ ...logOptions, complain: warn });
  const log = (line: string): void => {
    logs.driver('warning', line);
    warn(line);
  };
  const driver: DriverOptions = {
    toolstack: await openToolstack(uri, ownVersion(), options.stays === true),
    stateDir,
    deadlines: deadlinesFor(options),
    maxMigrations: config.maxMigrations,
    maxArrivals: config.maxArrivals,
    maxArrivalsOfPeer: config.maxArrivalsOfPeer,
    pid: process.pid,
    version: ownVersion(),
    participants: [
      logs,
      hooksOf(config, uri, stateDir, log),
      ...(options.isWatching === true ? [] : [monitorStarter(monitorLocation(options))]),
    ],
    autoballoon: config.autoballoon,
    nestedHvm: config.nestedHvm,
    leaseDir: config.leaseDir,
    peers: config,
    log,
    onToolstackLog: (level, text, domain) => logs.toolstack(level, text, domain),
    onSeen: (infos) => {
      for (const { domid, name } of infos) logs.know(domid, name);
    },
  };
  const host = new LocalHost(driver, config, options.configFile);
  try {
    makeLogFolder(logOptions.dir);
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
  return host;
}

/** A log that cannot be written later fails nothing; a folder that cannot be made, or that others may fill, is refused (S04). */
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

/** Folder, level and rotation of this host's logs. */
export function logsOf(options: LocationOptions): Rotation & { readonly dir: string; readonly level: LogLevel } {
  const config = configOf(options);
  const { uri, stateDir } = locationOf(options);
  const isSystem = uri.kind === 'xen' && process.getuid?.() === 0;
  return {
    dir: config.logDir ?? (isSystem ? '/var/log/xenferry' : join(stateDir, 'logs')),
    level: config.logLevel ?? 'info',
    bytes: config.logBytes ?? 2 * 1024 * 1024,
    count: config.logCount ?? 3,
  };
}

const HOOK_MS = 20_000;
/** What a hook sees of this process's environment; LC_ALL is C. */
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

/** The host that a monitor has to watch. `monitor = false` and XENFERRY_MONITOR=off start none. */
export function monitorLocation(options: LocationOptions): MonitorLocation {
  const { file, monitor } = configOf(options);
  return {
    ...locationOf(options),
    enabled: monitor !== false && process.env.XENFERRY_MONITOR !== 'off',
    configFile: file,
  };
}
