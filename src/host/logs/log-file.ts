import { appendFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { FileLock } from '../../posix/file-lock.js';

/** When a log is rotated, and how many old files are kept. */
export interface Rotation {
  /** A file of this size is rotated before the next line. */
  readonly bytes: number;
  /** Number of rotated files that are kept: `FILE.1` is the newest. */
  readonly count: number;
}

/** A log that several processes write to, one line at a time. Readable by its owner only. */
export class LogFile {
  constructor(
    readonly path: string,
    private readonly rotation: Rotation,
  ) {}

  /** Appends a line. Throws the system's error. */
  append(line: string): void {
    if (this.#isFull()) this.#rotate();
    appendFileSync(this.path, line, { mode: 0o600 });
  }

  #isFull(): boolean {
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    return size >= this.rotation.bytes;
  }

  /** One process at a time; a second one finds it done, and continues in the present file. */
  #rotate(): void {
    using lock = FileLock.tryTake(`${this.path}.lock`, 'rotating the log');
    if (lock === undefined || !this.#isFull()) return;
    const { count } = this.rotation;
    rmSync(`${this.path}.${count}`, { force: true });
    for (let number = count - 1; number >= 1; number -= 1)
      rename(`${this.path}.${number}`, `${this.path}.${number + 1}`);
    if (count === 0) rmSync(this.path, { force: true });
    else rename(this.path, `${this.path}.1`);
  }
}

function rename(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to);
}
