import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryFlock } from './libc.js';

/** Waiters look again this often: flock(2) has no wait that can be cancelled. */
const RETRY_MS = 10;

/**
 * An exclusive lock on a file, held by the open descriptor: it ends with the process, however that
 * dies. The file's text names the holder and is for people; the kernel's lock is what counts.
 * Files are never removed: a waiter could otherwise hold the lock of a file that no other process can see.
 */
export class FileLock implements Disposable {
  #fd: number | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** The lock, or undefined if it is held already. */
  static tryTake(path: string, holder: string): FileLock | undefined {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      if (tryFlock(fd)) {
        // Truncated after the write, not before: a concurrent reader finds a text, not an empty file.
        const bytes = writeSync(fd, holder, 0);
        ftruncateSync(fd, bytes);
        return new FileLock(fd);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    return undefined;
  }

  /**
   * Waits for the lock until the signal fires; then rejects with the signal's reason.
   * @param holder the new holder, for people; a function is called once the lock is held
   */
  static async take(path: string, holder: string | (() => string), signal: AbortSignal): Promise<FileLock> {
    for (;;) {
      signal.throwIfAborted();
      const lock = FileLock.tryTake(path, typeof holder === 'string' ? holder : holder());
      if (lock !== undefined) return lock;
      // The timer would reject with an error of its own.
      await sleep(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** The text of the present or last holder; empty if there never was one. */
  static holderOf(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // no file, no holder: the text is for people only
    }
  }

  /**
   * Whether the lock is held now. Changes nothing and does not disturb other checks; a taker that
   * tries at that moment finds the lock taken, so use this only on locks that are waited for.
   */
  static isHeld(path: string): boolean {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
    try {
      return !tryFlock(fd, 'shared');
    } finally {
      closeSync(fd);
    }
  }

  release(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    closeSync(fd);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
