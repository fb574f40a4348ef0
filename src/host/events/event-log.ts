import { closeSync, constants, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../../errors/deadline.js';
import { bounded, printable, printableJson } from '../../errors/printable.js';
import { FileLock } from '../../posix/file-lock.js';
import { makeFolder } from '../../posix/folder.js';
import { MAX_EVENT_BYTES, parseEvent, type ToldEvent } from './event.js';

/** The log is put aside at this size; with the one before it, it takes twice that. */
const MAX_LOG_BYTES = 1024 * 1024;
/** A line's text that may grow (an error, a notice) is cut so that the line keeps its bound. */
const MAX_TEXT = 2048;
/** Whoever holds the lock writes one line. */
const LOCK_MS = 10_000;
/** Events that wait for the lock; beyond it the oldest go. */
const MAX_WAITING = 1000;

/** Where a follower starts. */
export interface EventPosition {
  readonly seq: number;
  readonly bytes: number;
}

/**
 * What happened to the domains of a host, told by every process that does something to one: a line of JSON each, in
 * the order of their numbers, in a file that is put aside when it has grown.
 */
export class EventLog {
  readonly #waiting: ToldEvent[] = [];
  #draining: Promise<void> | undefined;

  /** Makes the folder where it is missing. */
  constructor(
    readonly dir: string,
    private readonly log: (line: string) => void = () => undefined,
    private readonly maxBytes = MAX_LOG_BYTES,
  ) {
    makeFolder(dir);
  }

  get path(): string {
    return join(this.dir, 'events.jsonl');
  }

  /** Tells of an event. Does not wait and does not throw: it is written now, or as soon as the lock is free. */
  tell(event: ToldEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    if (this.#draining !== undefined) return;
    try {
      using lock = FileLock.tryTake(this.#lock, 'events');
      if (lock !== undefined) {
        this.#writeAll();
        return;
      }
    } catch (error) {
      this.log(`events cannot be written to ${this.path}: ${String(error)}`);
      this.#waiting.length = 0;
      return;
    }
    this.#draining = this.#drain().finally(() => {
      this.#draining = undefined;
    });
  }

  /** Resolves when everything that was told is written, or could not be. */
  async flushed(): Promise<void> {
    await this.#draining;
  }

  /** Where the log ends now. */
  end(): EventPosition {
    const fd = this.#open();
    try {
      const { size } = fstatSync(fd);
      return { seq: this.#lastSeq(fd, size), bytes: size };
    } finally {
      closeSync(fd);
    }
  }

  get #lock(): string {
    return join(this.dir, 'lock');
  }

  #open(): number {
    return openSync(this.path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600);
  }

  async #drain(): Promise<void> {
    using deadline = new Deadline(new AbortController().signal, LOCK_MS, 'E_DEADLINE_EVENTS', 'the lock of the events');
    try {
      using _lock = await FileLock.take(this.#lock, 'events', deadline.signal);
      this.#writeAll();
    } catch (error) {
      this.log(`events were not written to ${this.path}: ${String(error)}`);
      this.#waiting.length = 0;
    }
  }

  /** The lock is held. */
  #writeAll(): void {
    let fd = this.#open();
    try {
      let { size } = fstatSync(fd);
      let seq = this.#lastSeq(fd, size);
      while (this.#waiting.length > 0) {
        if (size > this.maxBytes) {
          closeSync(fd);
          fd = -1;
          renameSync(this.path, `${this.path}.1`);
          fd = this.#open();
          size = 0;
        }
        const event = this.#waiting[0];
        seq += 1;
        // A process may have died in the middle of its line.
        const line = `${size > 0 && !endsLine(fd, size) ? '\n' : ''}${lineOf(event, seq)}\n`;
        size += writeSync(fd, line);
        this.#waiting.shift();
      }
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  }

  /** The last number given; a log that is new goes on from the one that was put aside. */
  #lastSeq(fd: number, size: number): number {
    const own = lastSeq(fd, size);
    if (own > 0) return own;
    let before: number;
    try {
      before = openSync(`${this.path}.1`, 'r');
    } catch {
      return 0; // the first log of all
    }
    try {
      return lastSeq(before, fstatSync(before).size);
    } finally {
      closeSync(before);
    }
  }
}

function lineOf(event: ToldEvent, seq: number): string {
  const at = new Date().toISOString();
  const line = printableJson({ seq, at, ...event, what: shown(event.what) });
  if (Buffer.byteLength(line) <= MAX_EVENT_BYTES) return line;
  // Only a name can be so long; its UUID says who it is.
  return printableJson({ seq, at, ...event, domain: event.domain.slice(0, 256), what: shown(event.what) });
}

/** Texts in it may be a peer's, a guest's or a toolstack's. */
function shown(what: ToldEvent['what']): ToldEvent['what'] {
  switch (what.type) {
    case 'notice':
      return { ...what, text: bounded(what.text, MAX_TEXT) };
    case 'job':
      return what.error === undefined ? what : { ...what, error: bounded(what.error, MAX_TEXT) };
    case 'tray-change':
      return { ...what, device: printable(what.device) };
    case 'lifecycle':
    case 'reboot':
      return what;
  }
}

function endsLine(fd: number, size: number): boolean {
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, size - 1);
  return byte[0] === 0x0a;
}

/** The number of the last whole event in a file; 0 where there is none. */
function lastSeq(fd: number, size: number): number {
  const bytes = Buffer.alloc(Math.min(size, 4 * MAX_EVENT_BYTES));
  const count = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
  const lines = bytes.toString('utf8', 0, count).split('\n');
  for (const line of lines.reverse()) {
    const event = line === '' ? undefined : parseEvent(line);
    if (event !== undefined) return event.seq;
  }
  return 0;
}
