import { closeSync, fsyncSync, ftruncateSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SystemError } from '../errors/errors.js';
import { OwnedFd } from '../posix/owned-fd.js';
import { EntryCache } from './entry-cache.js';
import { journalLine, readJournalText, type JournalEntry } from './journal-text.js';
import { DEFAULT_RETENTION, prunable, type Retention } from './prune.js';
import { stateRecord, type JournalHeader, type JournalSide, type JournalState } from './records.js';
import { makeFolder } from '../posix/folder.js';

/** One migration writes fewer than twenty records. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Writes the whole text at the position, or throws: a full disk may take a part. */
function writeWhole(fd: number, text: string, position: number): number {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  return written;
}

/** Bytes up to the end of the last complete line. */
function wholeLength(path: string): number {
  return readFileSync(path).lastIndexOf('\n') + 1;
}

function readJournal(path: string): JournalEntry | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').slice(0, MAX_FILE_BYTES);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return readJournalText(text, path);
}

/** One migration's journal, open for appending. Every record is on the disk when `append` returns. */
export class JournalFile implements Disposable {
  readonly #fd: OwnedFd;
  /** Bytes of complete records; a torn rest after them is cut before the next record. */
  #length: number;

  constructor(
    readonly path: string,
    fd: OwnedFd,
    length: number,
  ) {
    this.#fd = fd;
    this.#length = length;
  }

  /**
   * Appends a state and waits for the disk. Throws a `SystemError`; the step that the record permits must then not
   * begin.
   */
  append(state: JournalState): void {
    try {
      ftruncateSync(this.#fd.fd, this.#length);
      const bytes = writeWhole(this.#fd.fd, journalLine(stateRecord(state)), this.#length);
      fsyncSync(this.#fd.fd);
      this.#length += bytes;
    } catch (error) {
      throw new SystemError('E_SYSTEM_JOURNAL', `cannot write the journal ${this.path}`, {
        cause: error,
        hint: 'Free space on the disk, or repair it: no step is taken that the journal does not record.',
      });
    }
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/** The folder with the journals of all migrations that this host took part in: `<migration>.<side>.journal`. */
export class Journal {
  /** A host has a history of hundreds of migrations, but most reads need only the few that are open. */
  readonly #cache = new EntryCache();

  constructor(readonly dir: string) {
    makeFolder(dir);
  }

  #path(migration: string, side: JournalSide): string {
    return join(this.dir, `${migration}.${side}.journal`);
  }

  /** Starts a migration's journal. Throws if there is one already. */
  begin(header: JournalHeader): JournalFile {
    const path = this.#path(header.migration, header.side);
    try {
      const fd = new OwnedFd(openSync(path, 'wx', 0o600), path);
      try {
        const length = writeWhole(fd.fd, journalLine(header), 0);
        fsyncSync(fd.fd);
        this.#syncFolder();
        return new JournalFile(path, fd, length);
      } catch (error) {
        fd.close();
        rmSync(path, { force: true });
        throw error;
      }
    } catch (error) {
      throw new SystemError('E_SYSTEM_JOURNAL', `cannot start the journal ${path}`, {
        cause: error,
        hint: 'Free space on the disk, or repair it: nothing was changed.',
      });
    }
  }

  /** Opens a migration's journal again, to settle it. */
  resume(migration: string, side: JournalSide): JournalFile {
    const path = this.#path(migration, side);
    return new JournalFile(path, new OwnedFd(openSync(path, 'r+'), path), wholeLength(path));
  }

  #syncFolder(): void {
    const fd = openSync(this.dir, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * One journal's contents; undefined if there is none, or if the process died before the first record was complete.
   */
  read(migration: string, side: JournalSide): JournalEntry | undefined {
    const path = this.#path(migration, side);
    return this.#cache.get(path, () => readJournal(path));
  }

  /** Every journal in the folder. */
  list(): JournalEntry[] {
    const entries: JournalEntry[] = [];
    const paths = new Set<string>();
    for (const file of readdirSync(this.dir)) {
      const match = /^([0-9a-f-]{36})\.(source|dest)\.journal$/.exec(file);
      if (match === null) continue;
      paths.add(join(this.dir, file));
      const entry = this.read(match[1], match[2] === 'source' ? 'source' : 'dest');
      if (entry !== undefined) entries.push(entry);
    }
    this.#cache.keepOnly(paths);
    return entries;
  }

  /** Forgets a migration; the caller knows that no side will ask about it again. */
  remove(migration: string, side: JournalSide): void {
    rmSync(this.#path(migration, side), { force: true });
  }

  /**
   * Removes journals of completed migrations that are too old or too many; see `prunable`. Returns the number removed.
   * @param now in ms since the epoch
   */
  prune(now: number, retention: Retention = DEFAULT_RETENTION): number {
    const entries = prunable(this.list(), now, retention);
    for (const { header } of entries) this.remove(header.migration, header.side);
    return entries.length;
  }

  /**
   * The highest epoch that any migration of the domain had here; 0 if it never moved. Migrations that were only asked
   * about do not count: their epoch is the choice of the peer that asked.
   */
  highestEpoch(uuid: string): number {
    return this.list()
      .filter(({ header }) => header.uuid === uuid && header.neverHere !== true)
      .reduce((highest, entry) => Math.max(highest, entry.header.epoch), 0);
  }
}
