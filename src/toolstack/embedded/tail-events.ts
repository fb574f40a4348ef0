import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs';
import { MessageReader } from '../../channel/message-lines.js';
import { guestDomid } from '../domid.js';
import type { ToolstackEvent } from '../toolstack.js';
import { transitionSchema, type Transition } from './history.js';
import type { HostFolder } from './host-folder.js';

/** Polling interval where the kernel reports no changes of the file (some network file systems). */
const POLL_MS = 500;
const READ_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 64 * 1024;

/** Events of the host's domains from now on, read from its history. Ends when the signal fires. */
export async function* tailEvents(
  host: HostFolder,
  signal: AbortSignal,
): AsyncGenerator<ToolstackEvent, void, undefined> {
  const isOver = (): boolean => signal.aborted;
  if (isOver()) return;
  const path = host.file('history.jsonl');
  const fd = openSync(path, 'a+', 0o600);
  const wake: { now?: (() => void) | undefined } = {};
  const look = (): void => wake.now?.();
  const watcher = watch(path, look);
  watcher.on('error', () => undefined); // polling continues
  const poll = setInterval(look, POLL_MS);
  signal.addEventListener('abort', look, { once: true });
  try {
    const reader = new MessageReader(transitionSchema, MAX_LINE_BYTES);
    const last = new Map<string, number>();
    let at = fstatSync(fd).size;
    while (!isOver()) {
      const chunk = readNew(fd, at);
      at += chunk.length;
      for (const transition of reader.push(chunk)) {
        const event = isRepeat(last, transition) ? undefined : eventOf(transition);
        if (event !== undefined) yield event;
      }
      if (chunk.length > 0) continue;
      await new Promise<void>((resolve) => {
        wake.now = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', look);
    clearInterval(poll);
    watcher.close();
    closeSync(fd);
  }
}

function readNew(fd: number, at: number): Buffer {
  const buffer = Buffer.alloc(READ_BYTES);
  return buffer.subarray(0, readSync(fd, buffer, 0, READ_BYTES, at));
}

/** A line is written again if the process that committed it may have died before writing it. */
function isRepeat(last: Map<string, number>, { domid, bornMs, n, event }: Transition): boolean {
  const domain = `${domid} ${bornMs}`;
  if (n <= (last.get(domain) ?? 0)) return true;
  // An ended domain has no more lines.
  if (event === 'destroy') last.delete(domain);
  else last.set(domain, n);
  return false;
}

function eventOf({ event, domid, uuid, reason }: Transition): ToolstackEvent | undefined {
  const who = { domid: guestDomid(domid), uuid };
  if (event === 'destroy') return { type: 'death', ...who };
  if (event === 'stop' && reason !== undefined) return { type: 'shutdown', ...who, reason };
  return undefined;
}
