import { join } from 'node:path';
import { messageOf } from '../../errors/message-of.js';
import type { Host } from '../../host/host.js';
import { startAutostarted } from '../lifecycle/autostart.js';
import { hasRebooted, rememberBoot } from '../../host/boot-id.js';
import { reconnect } from './reconnect.js';
import { WatchLock } from './watch-lock.js';
import { sweepLeases } from '../sweep-leases.js';
import { Watcher, type WatchOptions } from './watcher.js';

/** Folder of the watchers' locks, and of the record of the last watched boot. */
export function watchDir(host: Host): string {
  return join(host.stateDir, 'watch');
}

/**
 * A daemon's watch, from its start to its end: finds running domains again, starts those that start with the host, and
 * watches all of them. If another process watches, waits in the background until that process has ended its watch.
 */
export class DaemonWatch implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #ready: () => void = () => undefined;
  /**
   * Resolves when the domains were found again and those that start with the host were started; or the watch was
   * stopped.
   */
  readonly ready: Promise<void>;

  constructor(
    private readonly host: Host,
    private readonly holder: string,
    private readonly options: WatchOptions = {},
  ) {
    this.ready = new Promise((resolve) => {
      this.#ready = resolve;
    });
    this.#running = this.#run()
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.host.log(`the domains of this host are not watched: ${messageOf(error)}`);
      })
      .finally(this.#ready);
  }

  async #run(): Promise<void> {
    const { host } = this;
    const { signal } = this.#stop;
    using _lock = await new WatchLock(watchDir(host)).take(this.holder, signal);
    await reconnect(host, { rebooted: hasRebooted(watchDir(host)), signal });
    await sweepLeases(host, signal);
    rememberBoot(watchDir(host));
    await using _watcher = new Watcher(host, this.options);
    await startAutostarted(host, signal);
    this.#ready();
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
  }

  /** Stops watching; work that has begun is completed first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
