import { existsSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../posix/folder.js';
import { removeDurably, syncFolder } from '../../posix/durable-file.js';

/**
 * Saved states from which the next start of a domain continues: a save file each, named by UUID. `.paused` in the name:
 * the guest is to stay paused. Before a start the state is set aside, so that it cannot be used twice: its memory no
 * longer fits the guest's disks once the guest has run.
 */
export class ManagedSaves {
  /** Makes the folder if it is missing. Throws the system's error. */
  constructor(private readonly dir: string) {
    makeFolder(dir);
  }

  has(uuid: string): boolean {
    return this.find(uuid) !== undefined;
  }

  /** The saved state of a domain. */
  find(uuid: string): { readonly path: string; readonly paused: boolean } | undefined {
    for (const paused of [false, true]) {
      const path = this.pathFor(uuid, paused);
      if (existsSync(path)) return { path, paused };
    }
    return undefined;
  }

  /** Path to write the state to. */
  pathFor(uuid: string, paused: boolean): string {
    return join(this.dir, `${uuid}${paused ? '.paused' : ''}.save`);
  }

  /**
   * Sets the state aside, durably, before the guest runs. Disposing the result without `keep` puts it back.
   * Throws the system's error.
   */
  setAside(path: string): SetAside {
    const aside = `${path}.used`;
    renameSync(path, aside);
    syncFolder(dirname(path));
    return new SetAside(path, aside);
  }

  /** Removes the saved state, and one that was set aside; false if there was none. Throws the system's error. */
  remove(uuid: string): boolean {
    let removed = false;
    for (const paused of [false, true]) {
      const path = this.pathFor(uuid, paused);
      if (removeDurably(path)) removed = true;
      removeDurably(`${path}.used`);
    }
    return removed;
  }
}

/** A saved state from which a guest has been made. */
export class SetAside implements Disposable {
  #settled = false;

  constructor(
    private readonly path: string,
    private readonly aside: string,
  ) {}

  /** The guest runs: the state is deleted. Throws the system's error; the state can still not be used again then. */
  discard(): void {
    this.#settled = true;
    removeDurably(this.aside);
  }

  /** The guest did not run: the state is put back. */
  [Symbol.dispose](): void {
    if (this.#settled) return;
    this.#settled = true;
    renameSync(this.aside, this.path);
    syncFolder(dirname(this.path));
  }
}
