import { Deadline, orAborted } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import { makePipe } from '../posix/owned-fd.js';
import type { Domid } from '../toolstack/domid.js';
import type { GuestConfig, Toolstack, TransferEvent } from '../toolstack/toolstack.js';
import { BatchFeed } from './batch-feed.js';
import type { Fed, InboundChunks, StreamTerms } from './feed.js';
import { RawFeed } from './raw-feed.js';

/** One guest to receive. */
export interface ReceiveRequest {
  readonly toolstack: Toolstack;
  readonly config: GuestConfig;
  readonly streamVersion: number;
  /** Resolves when the source has opened a lane: before that, no process is started and no memory taken for the guest. */
  readonly opened: Promise<void>;
  /** What the lanes bring, in order; ends at its declared end and rejects at any other. */
  readonly chunks: InboundChunks;
  /** The agreed form of the stream; absent: unchanged, with SHA-256. */
  readonly terms?: StreamTerms | undefined;
  readonly stallMs: number;
  readonly restoreMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
  /** Bytes of the raw stream received so far. */
  readonly onBytes?: ((rawBytes: number) => void) | undefined;
}

/** The restored domain, paused, and the stream's figures. */
export interface Received extends Fed {
  readonly domid: Domid;
}

/**
 * Receive: lanes -> codec -> digest -> pipe -> the toolstack's restore, which starts with the first lane: a source that
 * prepares and never sends costs no process. Resolves with a paused domain once the restore has taken the stream to its end.
 * Rejects with the first error; no part of the domain is left then.
 */
export async function receive(request: ReceiveRequest): Promise<Received> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  {
    using opening = new Deadline(signal, request.stallMs, 'E_DEADLINE_STALLED', 'the first lane of the migration');
    await orAborted(request.opened, opening.signal);
  }
  using moving = new Deadline(signal, request.stallMs, 'E_DEADLINE_STALLED', 'the next byte of the save stream');
  const { terms } = request;
  const pipe = makePipe('restore stream');
  const { toolstack } = request;
  await using feed =
    terms === undefined
      ? new RawFeed(pipe.writeEnd)
      : new BatchFeed(pipe.writeEnd, toolstack.restoreSplices !== true, terms, (error) => {
          // A broken pipe is the restore's end: its own error is worth more, and ends the wait as well.
          if (!isBrokenPipe(error)) stop.abort(error);
        });

  const restore = toolstack.restore(request.config, pipe.readEnd, {
    streamVersion: request.streamVersion,
    signal: moving.signal,
    onEvent: request.onEvent,
  });
  // A restore that dies while the lanes are quiet must wake the pump.
  restore.catch((error: unknown) => stop.abort(asError(error)));

  try {
    const fed = await feed.pump(request.chunks, moving, (rawBytes) => request.onBytes?.(rawBytes));
    moving[Symbol.dispose]();
    using ending = new Deadline(signal, request.restoreMs, 'E_DEADLINE_RESTORE', 'the restore of the guest');
    const domid = await orAborted(restore, ending.signal);
    return { domid, ...fed };
  } catch (error) {
    const cause = isBrokenPipe(error) ? await restoreFailure(restore, request, error) : asError(error);
    stop.abort(cause);
    await undo(toolstack, restore);
    throw cause;
  }
}

/** A restore that dies closes the pipe's read end: its own error has the reason, the pipe's does not. */
async function restoreFailure(restore: Promise<Domid>, request: ReceiveRequest, broken: Error): Promise<Error> {
  using deadline = new Deadline(request.signal, request.stallMs, 'E_DEADLINE_RESTORE', 'the end of the failed restore');
  try {
    await orAborted(restore, deadline.signal);
    return broken;
  } catch (error) {
    return asError(error);
  }
}

/** Waits for the stopped restore, and removes a domain that it had finished all the same. */
async function undo(toolstack: Toolstack, restore: Promise<Domid>): Promise<void> {
  const [settled] = await Promise.allSettled([restore]);
  if (settled.status === 'fulfilled') await toolstack.destroy(settled.value);
}

/** As libuv and our own calls say it. */
const BROKEN_PIPE: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'E_SYSTEM_EPIPE']);

function isBrokenPipe(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && BROKEN_PIPE.has(error.code);
}
