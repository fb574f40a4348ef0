import { closeSync, constants, fstatSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../../errors/deadline.js';
import { codeOf, messageOf } from '../../errors/message-of.js';
import { bounded, printable, printableJson } from '../../errors/printable.js';
import { FileLock } from '../../posix/file-lock.js';
import { makeFolder } from '../../posix/folder.js';
import { MAX_EVENT_BYTES, parseEvent, type ToldEvent } from './event.js';

/** The log is rotated at this size; with the previous one it takes twice that. */
const MAX_LOG_BYTES = 1024 * 1024;
/** A line's text that may grow (an error, a notice) is cut so that the line keeps its bound. */
const MAX_TEXT = 2048;
/** Wait for the lock, whose holder writes one line. */
const LOCK_MS = 10_000;
/** Events that wait for the lock; beyond it the oldest are dropped. */
const MAX_WAITING = 1000;

/** A position at which a follower starts. */
export interface EventPosition {
  readonly seq: number;
  readonly bytes: number;
}

/**
 * The events of a host's domains, written by every process that changes one: one line of JSON each, in
 * the order of their numbers, in a file that is rotated.
 */
export class EventLog {
  readonly #waiting: ToldEvent[] = [];
  #draining: Promise<void> | undefined;

  /** Makes the folder if it is missing. */
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

  /** Writes an event. Does not wait and does not throw: it is written now, or as soon as the lock is free. */
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
      this.log(`events cannot be written to ${this.path}: ${codeOf(error)}: ${messageOf(error)}`);
      this.#waiting.length = 0;
      return;
    }
    this.#draining = this.#drain().finally(() => {
      this.#draining = undefined;
    });
  }

  /** Resolves when all events are written, or could not be. */
  async flushed(): Promise<void> {
    await this.#draining;
  }

  /** The present end of the log. */
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
      this.log(`events were not written to ${this.path}: ${codeOf(error)}: ${messageOf(error)}`);
      this.#waiting.length = 0;
    }
  }

  /** Called with the lock held. */
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

  /** The last number used; a new log continues the numbers of the rotated one. */
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
  // Only a name can be so long; the UUID identifies the domain.
  return printableJson({ seq, at, ...event, domain: event.domain.slice(0, 256), what: shown(event.what) });
}

/** Makes its texts printable, which may come from a peer, a guest or a toolstack. */
function shown(what: ToldEvent['what']): ToldEvent['what'] {
  switch (what.type) {
    case 'notice':
      return { ...what, text: bounded(what.text, MAX_TEXT) };
    case 'job':
      return what.error === undefined ? what : { ...what, error: bounded(what.error, MAX_TEXT) };
    case 'tray-change':
      return { ...what, device: printable(what.device) };
    case 'metadata-change':
      return what.uri === undefined ? what : { ...what, uri: printable(what.uri) };
    case 'lifecycle':
    case 'soft-reset':
    case 'reboot':
      return what;
  }
}

function endsLine(fd: number, size: number): boolean {
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, size - 1);
  return byte[0] === 0x0a;
}

/** The number of the last complete event in a file; 0 if there is none. */
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
