import { RateLimit } from '../codec/rate.js';
import type { PieceEncoder } from '../codec/piece-encoder.js';

/** A read that brings less than this is little: a writer that has more to say would have had room for it. */
const LITTLE_BYTES = 64 * 1024;
/** A wait shorter than this is none. */
const LEAST_LINGER_MS = 2;
/** With nothing to send, the pipe is looked at so often for a stop. */
const IDLE_MS = 100;
/** And with something to send: the delay may be cut short meanwhile. */
const PENDING_STEP_MS = 20;

/** The pipe and the clock, as the loop sees them. Every wait ends early where a stop comes. */
export interface SaveInput {
  /** Whether the pipe can be read from within so many ms, or has ended. */
  poll(ms: number): boolean;
  /** Bytes read into the front of a buffer; 0 at the end. Does not wait after `poll`. */
  read(into: Uint8Array): number;
  now(): number;
  sleep(ms: number): void;
  /** How long a batch that is not full waits for more, in ms. */
  readonly delayMs: number;
  readonly stopped: boolean;
}

/**
 * Reads a save stream to its end, piece by piece. Where the pipe is quiet, what has come is sent after twice the delay: the
 * guest may be waiting for it. After a read that brought little, the pipe is left alone for the delay, so that the next one brings more.
 * @returns false where a stop came first
 */
export function readSave(
  input: SaveInput,
  pieces: Pick<PieceEncoder, 'space' | 'push' | 'flush' | 'end' | 'hasPending'>,
  options: { readonly bytesPerSecond?: number | undefined; readonly onBegun: () => void },
): boolean {
  const { bytesPerSecond } = options;
  const limit = bytesPerSecond === undefined ? undefined : new RateLimit(bytesPerSecond, input.now());
  let begun = false;
  let quietSince = input.now();
  while (!input.stopped) {
    const pending = pieces.hasPending;
    const left = pending ? quietSince + 2 * input.delayMs - input.now() : IDLE_MS;
    if (!input.poll(Math.max(0, Math.min(Math.ceil(left), pending ? PENDING_STEP_MS : IDLE_MS)))) {
      if (pending && input.now() - quietSince >= 2 * input.delayMs) pieces.flush();
      continue;
    }
    const { space } = pieces;
    const count = input.read(space);
    if (!begun) options.onBegun();
    begun = true;
    if (count === 0) {
      pieces.end();
      return true;
    }
    waitFor(input, limit?.waitMs(count, input.now()) ?? 0);
    pieces.push(count);
    quietSince = input.now();
    if (count < LITTLE_BYTES && input.delayMs >= LEAST_LINGER_MS) input.sleep(input.delayMs);
  }
  return false;
}

function waitFor(input: SaveInput, ms: number): void {
  const until = input.now() + ms;
  while (!input.stopped && input.now() < until) input.sleep(until - input.now());
}
