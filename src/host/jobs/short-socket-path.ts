import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * A path for bind(2) or connect(2) that is short whatever the folder's depth: `sun_path` holds 108 bytes
 * (unix(7)), a state folder may be deeper. It uses a descriptor of the folder, so it works in
 * this process and until it is disposed.
 */
export class ShortSocketPath implements Disposable {
  #fd: number | undefined;
  readonly path: string;

  /** Opens the folder of `path`; throws the system's error if it does not exist. */
  constructor(path: string) {
    this.#fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    this.path = `/proc/self/fd/${this.#fd}/${basename(path)}`;
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }
}
