import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A byte next to the guest's memory that is 1 while its version table and kernel page may disagree. */
export class AdvanceMark implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static open(folder: string): AdvanceMark {
    return new AdvanceMark(openSync(join(folder, 'advancing'), constants.O_RDWR | constants.O_CREAT, 0o600));
  }

  /** True if a process died between setting and clearing it. */
  isSet(): boolean {
    const byte = Buffer.alloc(1);
    return readSync(this.#fd, byte, 0, 1, 0) === 1 && byte[0] === 1;
  }

  set(on: boolean): void {
    writeSync(this.#fd, Buffer.of(on ? 1 : 0), 0, 1, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
