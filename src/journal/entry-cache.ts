import { statSync } from 'node:fs';
import type { JournalEntry } from './journal-text.js';

/** A file that was changed less than this ago is read again: a second change may not alter its times. */
const SETTLED_MS = 2_000;

interface Cached {
  readonly stamp: string;
  readonly entry: JournalEntry | undefined;
}

/** Entries of journals as they were last read, valid while the files are unchanged. */
export class EntryCache {
  readonly #known = new Map<string, Cached>();

  /** The result of `read` for the path, cached while the file is unchanged. Undefined if there is no file. */
  get(path: string, read: () => JournalEntry | undefined): JournalEntry | undefined {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) {
      this.#known.delete(path);
      return undefined;
    }
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = stat;
    const stamp = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.entry;
    this.#known.delete(path);
    const entry = read();
    // Nor if the clock was set back since.
    if (Date.now() - Number(ctimeMs) > SETTLED_MS) this.#known.set(path, { stamp, entry });
    return entry;
  }

  /** Forgets all other paths. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const path of this.#known.keys()) if (!paths.has(path)) this.#known.delete(path);
  }
}
