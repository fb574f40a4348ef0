import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileLock } from '../../posix/file-lock.js';
import { makeFolder } from '../../posix/folder.js';

/**
 * The right to watch a host's domains: one process at most. A daemon has priority over a monitor: while a daemon waits
 * for the lock, the monitor releases it. Both locks end with their process, however that dies.
 */
export class WatchLock {
  constructor(private readonly dir: string) {
    makeFolder(dir);
  }

  /** A file that exists during a watch; if it exists before, the previous watcher died. */
  get #mark(): string {
    return join(this.dir, 'watching');
  }

  #lost = false;

  get #path(): string {
    return join(this.dir, 'watch.lock');
  }

  get #wish(): string {
    return join(this.dir, 'daemon.lock');
  }

  /** Whether a process watches. */
  isHeld(): boolean {
    return FileLock.isHeld(this.#path);
  }

  /** Whether a daemon runs, or wants to watch: a monitor then ends. */
  isWantedByDaemon(): boolean {
    return FileLock.isHeld(this.#wish);
  }

  /** Whether the previous watcher died during its watch; known once the lock is held. */
  wasLost(): boolean {
    return this.#lost;
  }

  /** For a monitor: undefined if another process watches already. */
  tryTake(holder: string): Disposable | undefined {
    const lock = FileLock.tryTake(this.#path, holder);
    return lock === undefined ? undefined : this.#held(lock);
  }

  /**
   * For a daemon: waits until a monitor has released the lock, or another daemon has ended. Rejects with the signal's
   * reason.
   */
  async take(holder: string, signal: AbortSignal): Promise<Disposable> {
    const wish = await FileLock.take(this.#wish, holder, signal);
    try {
      const lock = this.#held(await FileLock.take(this.#path, holder, signal));
      return {
        [Symbol.dispose]: () => {
          lock[Symbol.dispose]();
          wish.release();
        },
      };
    } catch (error) {
      wish.release();
      throw error;
    }
  }

  #held(lock: FileLock): Disposable {
    this.#lost = existsSync(this.#mark);
    writeFileSync(this.#mark, '', { mode: 0o600 });
    return {
      [Symbol.dispose]: () => {
        rmSync(this.#mark, { force: true });
        lock.release();
      },
    };
  }
}
