import { writeSync } from 'node:fs';
import { hrtime } from 'node:process';
import { messageOf } from '../../errors/message-of.js';
import { readFd } from '../../posix/fd-stream.js';
import { makePipe, type OwnedFd } from '../../posix/owned-fd.js';
import { LineSplitter } from '../../channel/line-splitter.js';
import type { TransferEvent } from '../toolstack.js';
import { parseLogLine, type LogLine } from './log-line.js';

/** Longest line of libxl; a longer one ends the tap. */
const MAX_LINE_BYTES = 1024 * 1024;
/** Most error lines kept for a failed call. */
const KEPT_ERRORS = 20;
/** Start of a line that never occurs in libxl's log: it marks the end of the log when a call ended. */
const MARK = '\x01mark ';

interface Listener {
  readonly domid: number | undefined;
  readonly heard: ((event: TransferEvent) => void) | undefined;
  readonly errors: string[];
  /** Longest time that lines may stay unread while others follow: see `lingerMs`. */
  lingerMs: number;
  suspended: boolean;
}

/**
 * Time in ms that lines of progress may wait for others: each wake-up costs more than the lines. Less if the guest may
 * soon be suspended.
 */
const LINGER_MS = 50;
const FIRST_ROUND_LINGER_MS = 200;

/**
 * Reads libxl's log through a pipe to which its logger writes, and passes it to the calls in progress:
 * progress and warnings as events, errors as the reason of a failed call.
 */
export class LogTap {
  readonly #writeEnd: OwnedFd;
  readonly #listeners = new Set<Listener>();
  readonly #marks = new Map<string, () => void>();
  #lastMark = 0;
  /** Why no more lines will come. */
  #broken: string | undefined;

  constructor() {
    const { readEnd, writeEnd } = makePipe('log of libxl');
    this.#writeEnd = writeEnd;
    this.#read(readEnd).catch((error: unknown) => {
      this.#broken = `the log of libxl cannot be read: ${messageOf(error)}`;
      for (const passed of this.#marks.values()) passed();
    });
  }

  /** The descriptor for the logger, which writes to it for the life of the process. */
  get fd(): number {
    return this.#writeEnd.fd;
  }

  /**
   * Listens during `work`. Resolves with its result, and the lines of level error logged meanwhile,
   * once everything that was logged before `work` ended has been read.
   * @param domid domain whose lines count; lines without a domain always do
   */
  async during<T>(
    domid: number | undefined,
    heard: ((event: TransferEvent) => void) | undefined,
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly errors: readonly string[] }> {
    const listener: Listener = { domid, heard, errors: [], lingerMs: 0, suspended: false };
    this.#listeners.add(listener);
    try {
      const result = await work();
      await this.settled();
      return { result, errors: this.#broken === undefined ? listener.errors : [...listener.errors, this.#broken] };
    } finally {
      this.#listeners.delete(listener);
    }
  }

  /** Resolves when all lines logged so far were read. */
  async settled(): Promise<void> {
    if (this.#broken !== undefined) return; // no more lines will come
    const mark = String(++this.#lastMark);
    await new Promise<void>((resolve) => {
      this.#marks.set(mark, resolve);
      // On a line of its own, even where another thread is in the middle of one.
      writeSync(this.fd, `\n${MARK}${mark}\n`);
    });
    this.#marks.delete(mark);
  }

  async #read(readEnd: OwnedFd): Promise<void> {
    const splitter = new LineSplitter(MAX_LINE_BYTES);
    for await (const chunk of readFd(readEnd, new AbortController().signal, () => this.#lingerMs)) {
      for (const line of splitter.push(chunk)) {
        if (line.startsWith(MARK)) this.#marks.get(line.slice(MARK.length))?.();
        else if (line !== '') this.#tell(parseLogLine(line));
      }
    }
  }

  get #lingerMs(): number {
    let ms = 0;
    for (const listener of this.#listeners) if (!listener.suspended) ms = Math.max(ms, listener.lingerMs);
    return ms;
  }

  #tell(line: LogLine): void {
    for (const listener of this.#listeners) {
      const event = eventFor(listener, line);
      if (event !== undefined) listener.heard?.(event);
    }
  }
}

/** Time that the lines after this line of progress may wait. */
function lingerMs({ round, done, total }: Extract<LogLine, { kind: 'round' }>): number {
  return round === 0 && done < total * 0.9 ? FIRST_ROUND_LINGER_MS : LINGER_MS;
}

function eventFor(listener: Listener, line: LogLine): TransferEvent | undefined {
  switch (line.kind) {
    case 'round':
      listener.lingerMs = lingerMs(line);
      return { type: 'round', round: line.round, pagesSent: line.done, pagesTotal: line.total };
    case 'suspended':
      if (listener.suspended) return undefined; // libxl and libxc both report it
      listener.suspended = true;
      return { type: 'suspended', atMs: Number(hrtime.bigint()) / 1e6 };
    case 'text':
      if (line.domid !== undefined && listener.domid !== undefined && line.domid !== listener.domid) return undefined;
      if (line.level === 'error') {
        listener.errors.push(line.text);
        if (listener.errors.length > KEPT_ERRORS) listener.errors.splice(1, 1); // the first is the cause of the others
      }
      return line.level === 'debug' ? undefined : { type: 'log', level: line.level, text: line.text };
  }
}
