import { gen } from 'stream-chain';
import { StreamDigester, type DigestAlgorithm } from '../codec/digest.js';
import { StreamDecoder, type EncodedChunks } from '../codec/stream-decoder.js';
import type { StreamChoice } from '../codec/agreement.js';
import { Deadline, orAborted } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import { FdWriter } from '../posix/fd-stream.js';
import { makePipe } from '../posix/owned-fd.js';
import type { Domid } from '../toolstack/domid.js';
import type { GuestConfig, Toolstack, TransferEvent } from '../toolstack/toolstack.js';

export interface ReceiveRequest {
  readonly toolstack: Toolstack;
  readonly config: GuestConfig;
  readonly streamVersion: number;
  /** Resolves when the source has opened a lane: before that, no process is started and no memory taken for the guest. */
  readonly opened: Promise<void>;
  /** What the lanes bring, in order; ends at its declared end and rejects at any other. */
  readonly chunks: EncodedChunks;
  /** What was agreed on for the stream; absent: it comes as it is, with SHA-256. */
  readonly terms?: { readonly choice: StreamChoice; readonly digestKey: Buffer } | undefined;
  readonly stallMs: number;
  readonly restoreMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
  /** Bytes of the raw stream that came so far. */
  readonly onBytes?: ((rawBytes: number) => void) | undefined;
}

export interface Received {
  readonly domid: Domid;
  readonly rawBytes: number;
  readonly digest: { readonly algorithm: DigestAlgorithm; readonly hex: string };
}

/**
 * Receive: lanes -> codec -> digest -> pipe -> the toolstack's restore, which starts with the first lane: a source that
 * prepares and never sends costs no process. Resolves with a paused domain once the restore has taken the stream to its end.
 * Rejects with what broke; no part of the domain is left then.
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
  const digester = new StreamDigester(
    terms === undefined ? undefined : { algorithm: terms.choice.digest, key: terms.digestKey },
  );
  using decoder = terms === undefined ? undefined : new StreamDecoder(terms.choice);
  const pipe = makePipe('restore stream');
  using writer = new FdWriter(pipe.writeEnd);

  const restore = request.toolstack.restore(request.config, pipe.readEnd, {
    streamVersion: request.streamVersion,
    signal: moving.signal,
    onEvent: request.onEvent,
  });
  // A restore that dies while the lanes are quiet must wake the pump.
  restore.catch((error: unknown) => stop.abort(asError(error)));

  try {
    await pump(decoder?.chunks(request.chunks) ?? request.chunks, digester, writer, moving, request.onBytes);
    moving[Symbol.dispose]();
    using ending = new Deadline(signal, request.restoreMs, 'E_DEADLINE_RESTORE', 'the restore of the guest');
    const domid = await orAborted(restore, ending.signal);
    const digest = { algorithm: digester.algorithm, hex: digester.digest() };
    return { domid, rawBytes: digester.bytes, digest };
  } catch (error) {
    const cause = isBrokenPipe(error) ? await restoreFailure(restore, request, error) : asError(error);
    stop.abort(cause);
    await undo(request.toolstack, restore);
    throw cause;
  }
}

async function pump(
  chunks: AsyncIterable<Uint8Array>,
  digester: StreamDigester,
  writer: FdWriter,
  moving: Deadline,
  onBytes: ReceiveRequest['onBytes'],
): Promise<void> {
  const stages = gen(digester.stage);
  const source = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await orAborted(source.next(), moving.signal);
      if (next.done === true) break;
      for await (const out of stages(next.value)) await writer.write(out, moving.signal);
      moving.refresh();
      onBytes?.(digester.bytes);
    }
  } catch (error) {
    // Not waited for: a silent source ends with its lanes, which the caller ends.
    void source.return?.().catch(() => undefined);
    throw error;
  }
  await writer.end(moving.signal);
}

/** A restore that dies takes the pipe's reader with it: its own error says why, the pipe's only that. */
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

function isBrokenPipe(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
