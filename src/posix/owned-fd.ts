import { closeSync } from 'node:fs';
import { InvariantError } from '../errors/errors.js';
import { openPipe } from './libc.js';

/** A file descriptor with exactly one owner. `release` hands it over, once; `close` may be called repeatedly. */
export class OwnedFd implements Disposable {
  #fd: number | undefined;
  readonly what: string;

  constructor(fd: number, what: string) {
    this.#fd = fd;
    this.what = what;
  }

  get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  /** The number, for a call that does not keep it. */
  get fd(): number {
    if (this.#fd === undefined)
      throw new InvariantError(`${this.what}: the descriptor was already handed over or closed`);
    return this.#fd;
  }

  /** The number, which the caller must now close. */
  release(): number {
    const fd = this.fd;
    this.#fd = undefined;
    return fd;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.release());
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Largest pipe that an unprivileged process may ask for by default (/proc/sys/fs/pipe-max-size). */
export const PIPE_BYTES = 1024 * 1024;

/** A pipe as two owned ends. */
export function makePipe(what: string): { readonly readEnd: OwnedFd; readonly writeEnd: OwnedFd } {
  const { readEnd, writeEnd } = openPipe(PIPE_BYTES);
  return { readEnd: new OwnedFd(readEnd, `${what}, read end`), writeEnd: new OwnedFd(writeEnd, `${what}, write end`) };
}
