import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { tryFlock } from './libc.js';

/** Waiters look again this often: flock(2) has no wait that can be cancelled. */
const RETRY_MS = 10;

/**
 * An exclusive lock on a file, held by the open descriptor: it ends with the process, however that
 * dies. The file's text says who holds it and is for people; the kernel's lock is what counts.
 * Files are never removed: a waiter could then hold the lock of a file that nobody else can see.
 */
export class FileLock implements Disposable {
  #fd: number | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** The lock, or undefined where somebody else has it. */
  static tryTake(path: string, holder: string): FileLock | undefined {
    const fd = openSync(path, 'a+', 0o600);
    try {
      if (tryFlock(fd)) {
        ftruncateSync(fd, 0);
        writeSync(fd, holder);
        return new FileLock(fd);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    return undefined;
  }

  /** Waits for the lock until the signal fires; then rejects with the signal's reason. */
  static async take(path: string, holder: string, signal: AbortSignal): Promise<FileLock> {
    for (;;) {
      signal.throwIfAborted();
      const lock = FileLock.tryTake(path, holder);
      if (lock !== undefined) return lock;
      // The timer would reject with an error of its own.
      await sleep(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** What the present or last holder wrote; empty where nobody ever did. */
  static holderOf(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // no file, no holder: the text is for people only
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
