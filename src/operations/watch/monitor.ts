import { existsSync } from 'node:fs';
import { messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import { hasRebooted, rememberBoot } from '../../host/boot-id.js';
import { watchDir } from './daemon-watch.js';
import { reconnect } from './reconnect.js';
import { needsWatch } from './settle-domain.js';
import { snapshotDomains } from './domain-snapshot.js';
import { WatchLock } from './watch-lock.js';
import { Watcher, type WatchOptions } from './watcher.js';

/** Interval at which a monitor checks whether a daemon wants the watch, or its host's folder is gone. */
const LOOK_UP_MS = 1000;

/** Reason for a monitor's end. */
export type MonitorEnd = 'watched-already' | 'no-domain-left' | 'daemon-came' | 'host-gone' | 'stopped';

/**
 * Watches the domains of a host without a daemon: one process for all of them, which ends with the last domain, or when
 * a daemon starts. Every command that starts a domain starts a monitor.
 * @param holder name of this process, for people
 */
export async function runMonitor(
  host: Host,
  holder: string,
  signal: AbortSignal,
  options: WatchOptions = {},
): Promise<MonitorEnd> {
  const locks = new WatchLock(watchDir(host));
  for (;;) {
    const lock = locks.isWantedByDaemon() ? undefined : locks.tryTake(holder);
    if (lock === undefined) return 'watched-already';
    let end: MonitorEnd;
    try {
      end = await watchUntilIdle(host, locks, signal, options);
    } finally {
      lock[Symbol.dispose]();
    }
    // A process that started a domain while we were about to end found the lock held, and relied on us.
    if (end !== 'no-domain-left' || !(await hasDomainsToWatch(host, signal))) return end;
  }
}

async function watchUntilIdle(
  host: Host,
  locks: WatchLock,
  signal: AbortSignal,
  options: WatchOptions,
): Promise<MonitorEnd> {
  let resolve: (end: MonitorEnd) => void = () => undefined;
  const over = new Promise<MonitorEnd>((settle) => {
    resolve = settle;
  });
  const lookUp = setInterval(() => {
    if (locks.isWantedByDaemon()) resolve('daemon-came');
    else if (!existsSync(host.stateDir)) resolve('host-gone');
  }, LOOK_UP_MS);
  const stop = (): void => resolve('stopped');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    if (locks.wasLost() || hasRebooted(watchDir(host))) {
      await reconnect(host, { rebooted: hasRebooted(watchDir(host)), signal });
    }
    rememberBoot(watchDir(host));
    await using _watcher = new Watcher(host, {
      ...options,
      onSwept: (snapshots) => {
        options.onSwept?.(snapshots);
        if (!snapshots.some(needsWatch)) resolve('no-domain-left');
      },
    });
    return await over;
  } finally {
    clearInterval(lookUp);
    signal.removeEventListener('abort', stop);
  }
}

/** Whether there are domains that need a watcher. Never rejects: false if that cannot be determined. */
export async function hasDomainsToWatch(host: Host, signal: AbortSignal): Promise<boolean> {
  try {
    return (await snapshotDomains(host, signal)).some(needsWatch);
  } catch (error) {
    host.log(`the domains could not be listed: ${messageOf(error)}`);
    return false;
  }
}
