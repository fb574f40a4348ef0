import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import { timeOf } from './log-line.js';

/** Polling interval where the kernel reports no changes. */
const POLL_MS = 1000;
const READ_BYTES = 64 * 1024;

/** Selects lines of a log. */
export interface LogQuery {
  /** Number of last lines; undefined: all. */
  readonly lines?: number | undefined;
  /** Only lines from this time on, in ms since the epoch. */
  readonly since?: number | undefined;
  /** Only this many bytes of the newest file: the rest is followed. */
  readonly upTo?: number | undefined;
}

/** The existing lines, rotated files included, oldest first. A log that was never written is empty. */
export function readLog(path: string, count: number, { lines, since, upTo }: LogQuery): string[] {
  const files = [...Array.from({ length: count }, (_, index) => `${path}.${count - index}`), path];
  const all = files.flatMap((file) =>
    textOf(file, file === path ? upTo : undefined)
      .split('\n')
      .filter((line) => line !== ''),
  );
  const recent = since === undefined ? all : all.filter((line) => (timeOf(line) ?? -Infinity) >= since);
  return lines === undefined ? recent : recent.slice(Math.max(0, recent.length - lines));
}

function textOf(file: string, upTo: number | undefined): string {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return '';
  return readFileSync(file).subarray(0, upTo).toString('utf8');
}

/** Follows a log from its present end, across rotations. */
export class LogTail {
  #fd: number | undefined;
  #at = 0;
  readonly #begin: number;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(private readonly path: string) {
    this.#open();
    if (this.#fd !== undefined) this.#at = fstatSync(this.#fd).size;
    this.#begin = this.#at;
  }

  /** Bytes of the file at the start. */
  get begin(): number {
    return this.#begin;
  }

  /** Lines as they are written, also after a rotation. Ends when the signal fires. One use. */
  async *follow(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const change = new Changes(this.path);
    try {
      while (!signal.aborted) {
        yield* this.#lines();
        await change.next(signal);
      }
    } finally {
      this.close();
      change.close();
    }
  }

  *#lines(): Generator<string> {
    for (;;) {
      yield* this.#readOn();
      const now = statSync(this.path, { throwIfNoEntry: false });
      if (now === undefined || (this.#fd !== undefined && fstatSync(this.#fd).ino === now.ino)) return;
      yield* this.#readOn(); // lines written between the two reads
      this.close();
      this.#open();
    }
  }

  *#readOn(): Generator<string> {
    if (this.#fd === undefined) return;
    const bytes = Buffer.alloc(READ_BYTES);
    for (;;) {
      const count = readSync(this.#fd, bytes, 0, bytes.length, this.#at);
      if (count === 0) return;
      this.#at += count;
      const parts = (this.#rest + this.#decoder.write(bytes.subarray(0, count))).split('\n');
      this.#rest = parts.pop() ?? '';
      yield* parts;
    }
  }

  #open(): void {
    this.#at = 0;
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
    this.#fd = statSync(this.path, { throwIfNoEntry: false }) === undefined ? undefined : openSync(this.path, 'r');
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** Waits until the file may have changed. */
class Changes {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #changed = false;
  #wake: () => void = () => undefined;

  constructor(path: string) {
    try {
      this.#watcher = watch(dirname(path), (_event, file) => {
        if (file !== null && file !== basename(path)) return;
        this.#changed = true;
        this.#wake();
      });
      this.#watcher.on('error', () => undefined); // then it is polled
    } catch {
      this.#watcher = undefined;
    }
  }

  async next(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    this.#wake = () => stop.abort();
    if (!this.#changed)
      await sleep(POLL_MS, undefined, { signal: AbortSignal.any([signal, stop.signal]) }).catch(() => undefined);
    this.#changed = false;
  }

  close(): void {
    this.#watcher?.close();
  }
}
