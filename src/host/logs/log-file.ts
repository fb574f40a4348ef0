import { appendFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { FileLock } from '../../posix/file-lock.js';

export interface Rotation {
  /** A file that has grown to this size is put aside before the next line. */
  readonly bytes: number;
  /** How many that were put aside are kept: `FILE.1` is the youngest. */
  readonly count: number;
}

/** A log that several processes write to, a line at a time. Readable by its owner only. */
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

  /** One process at a time; who comes second finds it done, and writes on in whichever file there is. */
  #rotate(): void {
    using lock = FileLock.tryTake(`${this.path}.lock`, 'putting the log aside');
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
