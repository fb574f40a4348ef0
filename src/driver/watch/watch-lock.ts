import { join } from 'node:path';
import { FileLock } from '../../posix/file-lock.js';
import { makeFolder } from '../../posix/folder.js';

/**
 * Who watches a host's domains: one process at most. A daemon goes before a monitor: while a daemon waits for the lock, the
 * monitor lets go of it. Both locks end with their process, however that dies.
 */
export class WatchLock {
  constructor(private readonly dir: string) {
    makeFolder(dir);
  }

  get #path(): string {
    return join(this.dir, 'watch.lock');
  }

  get #wish(): string {
    return join(this.dir, 'daemon.lock');
  }

  /** Whether somebody watches. */
  isHeld(): boolean {
    return FileLock.isHeld(this.#path);
  }

  /** Whether a daemon runs, or wants to watch: a monitor makes way for it. */
  isWantedByDaemon(): boolean {
    return FileLock.isHeld(this.#wish);
  }

  /** For a monitor: undefined where somebody watches already. */
  tryTake(holder: string): Disposable | undefined {
    return FileLock.tryTake(this.#path, holder);
  }

  /** For a daemon: waits until a monitor has made way, or another daemon has ended. Rejects with the signal's reason. */
  async take(holder: string, signal: AbortSignal): Promise<Disposable> {
    const wish = await FileLock.take(this.#wish, holder, signal);
    try {
      const lock = await FileLock.take(this.#path, holder, signal);
      return {
        [Symbol.dispose]: () => {
          lock.release();
          wish.release();
        },
      };
    } catch (error) {
      wish.release();
      throw error;
    }
  }
}
