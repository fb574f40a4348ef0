import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ConnectUri } from '../../host/config/uri.js';
import type { LifecycleParticipant } from '../../host/participants/lifecycle-participant.js';
import { WatchLock } from '../../operations/watch/watch-lock.js';
import { makeFolder } from '../../posix/folder.js';
import { packageFile } from './package-root.js';

/** Size at which the monitor's log is rotated. */
const MAX_LOG_BYTES = 1024 * 1024;

export interface MonitorLocation {
  /** False: no monitor is started. */
  readonly enabled: boolean;
  readonly uri: ConnectUri;
  readonly stateDir: string;
  /** The configuration that it reads; absent: none, or the usual one. */
  readonly configFile?: string | undefined;
}

/**
 * Starts a monitor if no process watches the host, in a session of its own, with none of our descriptors. It writes to
 * `watch/monitor.log` in the state folder. If two start at once, one of them ends.
 */
export function startMonitor({ enabled, uri, stateDir, configFile }: MonitorLocation): void {
  if (!enabled) return;
  const dir = join(stateDir, 'watch');
  const lock = new WatchLock(dir);
  if (lock.isHeld() || lock.isWantedByDaemon()) return;
  const log = openLog(join(dir, 'monitor.log'));
  try {
    const program = fileURLToPath(packageFile('bin/xenferry.js'));
    // It does not run in this working directory.
    const words = configFile === undefined ? [] : ['--config-file', resolve(configFile)];
    const where = uri.kind === 'xen' ? 'xen:///system' : `embedded://${pathToFileURL(uri.dir).pathname}`;
    const child = spawn(
      process.execPath,
      [program, '-c', where, '--state-dir', resolve(stateDir), ...words, 'monitor'],
      // Not our working directory: its file system may have to be unmounted.
      { cwd: '/', detached: true, stdio: ['ignore', log, log] },
    );
    // The next start of a domain tries again.
    child.on('error', () => undefined);
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** Starts a monitor when a domain has started. */
export function monitorStarter(location: MonitorLocation): LifecycleParticipant {
  return {
    name: 'monitor',
    changed: ({ change }) => {
      if (change.event === 'started') startMonitor(location);
    },
  };
}

function openLog(path: string): number {
  makeFolder(join(path, '..'));
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}
