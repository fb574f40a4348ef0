import { closeSync, constants, fstatSync, openSync, readSync, statSync, watch, type FSWatcher } from 'node:fs';
import { MAX_EVENT_BYTES, parseEvent, type DomainEvent, type MissedEvents } from './event.js';
import type { EventLog, EventPosition } from './event-log.js';

/** Polling interval where the kernel reports no changes of the folder (some network file systems). */
const POLL_MS = 500;
const READ_BYTES = 64 * 1024;

/** Reads a host's event log from a position on, across rotations. Ends when the signal fires. */
export async function* followEvents(
  log: EventLog,
  from: EventPosition,
  signal: AbortSignal,
): AsyncGenerator<DomainEvent | MissedEvents, void, undefined> {
  let wake: (() => void) | undefined;
  const look = (): void => wake?.();
  const watcher = watchFolder(log.dir, look);
  const poll = setInterval(look, POLL_MS);
  signal.addEventListener('abort', look, { once: true });
  const isOver = (): boolean => signal.aborted;
  let file = openLog(log.path);
  // It was rotated since the position was taken: all of this file is new, and lost events are reported.
  let at = file.bytes >= from.bytes ? from.bytes : 0;
  let { seq } = from;
  try {
    let held = '';
    while (!isOver()) {
      const chunk = readNew(file.fd, at);
      at += chunk.length;
      held += chunk.toString('latin1');
      const lines = held.split('\n');
      held = lines.pop() ?? '';
      // An incomplete line is not an event: the writer ends it before the next.
      if (held.length > MAX_EVENT_BYTES) held = '';
      for (const line of lines) {
        const event = parseEvent(Buffer.from(line, 'latin1').toString('utf8'));
        if (event === undefined || event.seq <= seq) continue;
        if (event.seq > seq + 1) yield { missed: event.seq - seq - 1 };
        ({ seq } = event);
        yield event;
      }
      if (chunk.length > 0) continue;
      const next = successorOf(file.ino, log.path);
      if (next !== undefined) {
        // A rotated file is no longer written: everything since the last read is in it.
        if (fstatSync(file.fd).size > at) {
          closeSync(next.fd);
          continue;
        }
        closeSync(file.fd);
        file = next;
        at = 0;
        held = '';
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (isOver()) resolve();
      });
    }
  } finally {
    signal.removeEventListener('abort', look);
    clearInterval(poll);
    watcher?.close();
    closeSync(file.fd);
  }
}

interface OpenLog {
  readonly fd: number;
  readonly ino: number;
  readonly bytes: number;
}

function openLog(path: string): OpenLog {
  const fd = openSync(path, constants.O_RDONLY | constants.O_CREAT, 0o600);
  const { ino, size } = fstatSync(fd);
  return { fd, ino, bytes: size };
}

/** The log that replaced the one with this inode; undefined if there is none. */
function successorOf(ino: number, path: string): OpenLog | undefined {
  const now = statSync(path, { throwIfNoEntry: false });
  // Between the rotation and the next line there is no file.
  if (now === undefined || now.ino === ino) return undefined;
  return openLog(path);
}

function readNew(fd: number, at: number): Buffer {
  const buffer = Buffer.alloc(READ_BYTES);
  return buffer.subarray(0, readSync(fd, buffer, 0, READ_BYTES, at));
}

function watchFolder(dir: string, look: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dir, look);
    watcher.on('error', () => undefined); // polling continues
    return watcher;
  } catch {
    return undefined; // no watches left on this host: polling replaces them
  }
}
