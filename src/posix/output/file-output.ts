import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncFolder } from '../durable-file.js';
import { duplicateFd } from '../libc.js';
import { OwnedFd } from '../owned-fd.js';
import type { Output } from './output.js';

/** Mode of a new file: a guest's memory may be read by its owner only. */
const MODE = 0o600;

/** A file or block device, which takes all bytes without waiting. */
export class FileOutput implements Output {
  readonly failure = undefined;
  readonly #fd: OwnedFd;
  #kept = false;

  private constructor(
    fd: number,
    file: string,
    /** For a plain file: the name it is written under, and its final name. */
    private readonly names?: { readonly part: string; readonly path: string },
  ) {
    this.#fd = new OwnedFd(fd, file);
  }

  /** A plain file, written as `PATH.part`. Throws the system's error: EEXIST if that exists already. */
  static replace(path: string): FileOutput {
    const part = `${path}.part`;
    const fd = openSync(part, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, MODE);
    return new FileOutput(fd, part, { part, path });
  }

  /** A block device. Throws the system's error: EBUSY if it is mounted, swapped to or part of another device. */
  static blockDevice(path: string): FileOutput {
    return new FileOutput(openSync(path, constants.O_WRONLY | constants.O_EXCL), path);
  }

  /** A file or block device that is open already: writing continues at its position. */
  static descriptor(fd: number, file: string): FileOutput {
    return new FileOutput(duplicateFd(fd), file);
  }

  get isAtomic(): boolean {
    return this.names !== undefined;
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      let written = 0;
      while (written < bytes.length) written += writeSync(this.#fd.fd, bytes, written);
      resolve();
    });
  }

  stream(): OwnedFd {
    return new OwnedFd(duplicateFd(this.#fd.fd), this.#fd.what);
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  keep(): void {
    fsyncSync(this.#fd.fd);
    if (this.names !== undefined) {
      renameSync(this.names.part, this.names.path);
      syncFolder(dirname(this.names.path));
    }
    this.#kept = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#fd.isOpen) closeSync(this.#fd.release());
    if (!this.#kept && this.names !== undefined) rmSync(this.names.part, { force: true });
    this.#kept = true;
    return Promise.resolve();
  }
}
