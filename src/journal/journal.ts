import { closeSync, fsyncSync, ftruncateSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { SystemError, XenferryError } from '../errors/errors.js';
import { OwnedFd } from '../posix/owned-fd.js';
import { DEFAULT_RETENTION, prunable, type Retention } from './prune.js';
import { headerSchema, stateSchema, type JournalHeader, type JournalSide, type JournalState } from './records.js';
import { makeFolder } from '../posix/folder.js';

/** A record line is at most this long; ours are a few hundred bytes. */
const MAX_LINE_BYTES = 64 * 1024;
/** One migration writes fewer than twenty records. */
const MAX_FILE_BYTES = 1024 * 1024;

/** What a journal file says, read back. */
export interface JournalEntry {
  readonly header: JournalHeader;
  /** The last durable state, or undefined where the process died before the first. */
  readonly state: JournalState | undefined;
}

function line(record: unknown): string {
  const json = JSON.stringify(record);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** The record in a line, or undefined where the line is not whole. */
function readLine(text: string): unknown {
  const json = text.slice(9);
  if (text.length < 10 || text.length > MAX_LINE_BYTES || text[8] !== ' ') return undefined;
  if (crc32(json) !== Number.parseInt(text.slice(0, 8), 16)) return undefined;
  return JSON.parse(json) as unknown;
}

/**
 * Whether a line that is no whole record can be what a crash left: the last, and without its line feed, or with zeros where a
 * page of it never reached the disk. Anything else was whole once and may have been acted upon: that a record stands at the
 * line's beginning says so, too, as then only its line feed was changed.
 */
function isTorn(lines: readonly string[], index: number): boolean {
  const text = lines[index];
  const isCutOff = index === lines.length - 1;
  const hasZeros = index === lines.length - 2 && lines[lines.length - 1] === '' && text.includes('\0');
  if (!isCutOff && !hasZeros) return false;
  for (let end = text.indexOf('}'); end !== -1 && end < MAX_LINE_BYTES; end = text.indexOf('}', end + 1)) {
    if (readLine(text.slice(0, end + 1)) !== undefined) return false;
  }
  return true;
}

/** Writes all of it at the position, or throws: a full disk may take a part. */
function writeWhole(fd: number, text: string, position: number): number {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  return written;
}

/** Bytes up to the end of the last whole line. */
function wholeLength(path: string): number {
  return readFileSync(path).lastIndexOf('\n') + 1;
}

function damaged(path: string, lineNumber: number, cause?: unknown): XenferryError {
  return new XenferryError('E_JOURNAL_DAMAGED', `${path}, line ${lineNumber}: not a whole journal record`, {
    hint: 'Keep the file and report it: only a torn last line can come from a crash.',
    cause,
  });
}

/** One migration's journal, open for appending. Every record is on the disk when `append` returns. */
export class JournalFile implements Disposable {
  readonly #fd: OwnedFd;
  /** Bytes of whole records; what lies behind them was torn, and is cut before the next record. */
  #length: number;

  constructor(
    readonly path: string,
    fd: OwnedFd,
    length: number,
  ) {
    this.#fd = fd;
    this.#length = length;
  }

  /** Appends a state and waits for the disk. Throws a `SystemError`; the act behind the record must then not begin. */
  append(state: JournalState): void {
    try {
      ftruncateSync(this.#fd.fd, this.#length);
      const bytes = writeWhole(this.#fd.fd, line(state), this.#length);
      fsyncSync(this.#fd.fd);
      this.#length += bytes;
    } catch (error) {
      throw new SystemError('E_SYSTEM_JOURNAL', `cannot write the journal ${this.path}`, {
        cause: error,
        hint: 'Make room on the disk, or mend it: nothing is done that the journal does not know of.',
      });
    }
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/** The folder of all migrations that this host took part in, a file each: `<migration>.<side>.journal`. */
export class Journal {
  constructor(readonly dir: string) {
    makeFolder(dir);
  }

  #path(migration: string, side: JournalSide): string {
    return join(this.dir, `${migration}.${side}.journal`);
  }

  /** Starts a migration's journal. Throws where there is one already. */
  begin(header: JournalHeader): JournalFile {
    const path = this.#path(header.migration, header.side);
    try {
      const fd = new OwnedFd(openSync(path, 'wx', 0o600), path);
      try {
        const length = writeWhole(fd.fd, line(header), 0);
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
        hint: 'Make room on the disk, or mend it: nothing was touched.',
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

  /** What one journal says; undefined where there is none, or where it died before its first record was whole. */
  read(migration: string, side: JournalSide): JournalEntry | undefined {
    const path = this.#path(migration, side);
    let text: string;
    try {
      text = readFileSync(path, 'utf8').slice(0, MAX_FILE_BYTES);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const lines = text.split('\n');
    let header: JournalHeader | undefined;
    let state: JournalState | undefined;
    for (const [index, content] of lines.entries()) {
      if (content === '') continue;
      try {
        const record = readLine(content);
        if (record === undefined) throw damaged(path, index + 1);
        if (header === undefined) header = headerSchema.parse(record);
        else state = stateSchema.parse(record);
      } catch (error) {
        if (error instanceof z.ZodError || error instanceof XenferryError) {
          // A crash can tear the last line only; what it wanted to say was never acted upon.
          if (!(error instanceof z.ZodError) && isTorn(lines, index)) break;
          throw damaged(path, index + 1, error);
        }
        throw error;
      }
    }
    return header === undefined ? undefined : { header, state };
  }

  /** Every journal in the folder. */
  list(): JournalEntry[] {
    const entries: JournalEntry[] = [];
    for (const file of readdirSync(this.dir)) {
      const match = /^([0-9a-f-]{36})\.(source|dest)\.journal$/.exec(file);
      if (match === null) continue;
      const entry = this.read(match[1], match[2] === 'source' ? 'source' : 'dest');
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  /** Forgets a migration; the caller knows that nobody will ask after it. */
  remove(migration: string, side: JournalSide): void {
    rmSync(this.#path(migration, side), { force: true });
  }

  /**
   * Removes journals of migrations that are over, as far as they are too old or too many; see `prunable`. Gives how many.
   * @param now in ms since the epoch
   */
  prune(now: number, retention: Retention = DEFAULT_RETENTION): number {
    const entries = prunable(this.list(), now, retention);
    for (const { header } of entries) this.remove(header.migration, header.side);
    return entries.length;
  }

  /** The highest epoch that any migration of the domain ever had here; 0 where it never moved. */
  highestEpoch(uuid: string): number {
    return this.list()
      .filter((entry) => entry.header.uuid === uuid)
      .reduce((highest, entry) => Math.max(highest, entry.header.epoch), 0);
  }
}
