import { appendFileSync, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { z } from '../../errors/zod.js';
import { monotonicMs } from './clock.js';

/** Distance from the end within which a line is searched before it is written again; a repeated line is harmless. */
const TAIL_BYTES = 64 * 1024;

export const transitionSchema = z.object({
  /** Counts the domain's transitions from 1: with `bornMs` and `domid` it makes a line unique. */
  n: z.int().positive(),
  bornMs: z.number(),
  domid: z.int().positive(),
  uuid: z.string(),
  name: z.string(),
  event: z.enum(['create', 'run', 'stop', 'destroy']),
  /** Its cause: `unpause`, `pause`, `save`, `resume`, a shutdown reason. */
  why: z.string(),
  /** A shutdown's reason, if the domain shut down. */
  reason: z.enum(['poweroff', 'reboot', 'suspend', 'crash', 'watchdog', 'soft_reset', 'unknown']).optional(),
  /** Wall clock, ms since 1970, for people. */
  t: z.number(),
  /** CLOCK_MONOTONIC in ms: orders the lines of all hosts of one machine. */
  mono: z.number(),
});

/**
 * A line of `history.jsonl`. A domain runs from its `run` to its next `stop` or `destroy`: a `run` has
 * the time before it became true, a `stop` the time after it, so that no overlap of two hosts
 * is missed.
 */
export type Transition = z.infer<typeof transitionSchema>;

/** The present time on both clocks. */
export function nowStamp(): { t: number; mono: number } {
  return { t: performance.timeOrigin + performance.now(), mono: monotonicMs() };
}

/** One write, so that lines of several processes never mix. */
export function appendTransition(path: string, line: Transition): void {
  appendFileSync(path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
}

/**
 * Writes a line that a process committed but may have died before writing. Lines are identified by
 * domain and number; readers drop repeats.
 */
export function ensureAppended(path: string, line: Transition): void {
  const mark = JSON.stringify({ n: line.n, bornMs: line.bornMs, domid: line.domid }).slice(0, -1);
  if (!tailOf(path).includes(mark)) appendTransition(path, line);
}

function tailOf(path: string): string {
  const fd = openSync(path, 'a+', 0o600);
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const count = readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8', 0, count);
  } finally {
    closeSync(fd);
  }
}
