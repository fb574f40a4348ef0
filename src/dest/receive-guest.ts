import type { Deadlines } from '../control/deadlines.js';
import type { Finish } from '../control/messages.js';
import type { JournalFile } from '../journal/journal.js';
import type { GuestConfig, Toolstack, TransferEvent } from '../toolstack/toolstack.js';
import type { ArrivalHooks } from './arrival-hooks.js';
import type { ArrivedGuest } from './arrived-guest.js';
import type { InboundChunks } from './feed.js';
import { INCOMING_SUFFIX } from './preflight.js';
import { receive, type ReceiveRequest } from './receive.js';
import { callWithin } from './toolstack-call.js';

/** The stream of one migration, put in order again. */
export interface InboundLanes {
  /** Resolves when the first lane has been opened; never rejects. */
  readonly opened: Promise<void>;
  readonly chunks: InboundChunks;
  destroy(error: Error): void;
}

/** The stream of the lanes, and the guest to make from it. */
export interface SentStream {
  readonly config: GuestConfig;
  readonly streamVersion: number;
  readonly lanes: InboundLanes;
  readonly terms: ReceiveRequest['terms'];
}

export interface ReceiveContext {
  readonly toolstack: Toolstack;
  readonly deadlines: Deadlines;
  readonly hooks: ArrivalHooks;
  /** How long the lanes may be without a connection, in ms. */
  readonly reconnectMs: number;
  readonly file: JournalFile;
  readonly onEvent: (event: TransferEvent) => void;
  readonly onBytes?: (rawBytes: number) => void;
}

export interface ReceivedGuest {
  /** Of the stream that it was made from. */
  readonly digest: string;
  /** When the restore had the last byte; of `performance.now()`. */
  readonly lastByteAt: number;
}

/**
 * Makes the guest from the lanes' stream: paused, under its name, and with its id in the journal.
 * @throws the first error; a domain may then be left, whose id is in `guest`
 */
export async function receiveGuest(
  context: ReceiveContext,
  guest: ArrivedGuest,
  { config, streamVersion, lanes, terms }: SentStream,
  signal: AbortSignal,
): Promise<ReceivedGuest> {
  const { toolstack, deadlines, hooks } = context;
  let lastByteAt = performance.now();
  const { domid, digest } = await receive({
    toolstack,
    config: { ...config, domain: { ...config.domain, name: config.domain.name + INCOMING_SUFFIX } },
    streamVersion,
    opened: lanes.opened,
    chunks: lanes.chunks,
    terms,
    // A lost connection is not a stall: it has a deadline of its own.
    stallMs: deadlines.stallMs + context.reconnectMs,
    restoreMs: deadlines.restoreMs,
    signal,
    onEvent: context.onEvent,
    onBytes: (rawBytes) => {
      lastByteAt = performance.now();
      context.onBytes?.(rawBytes);
    },
  });
  guest.restored(domid);
  // The copy is paused and named for what it is; its id goes to the journal before it can be mistaken.
  context.file.append({ state: 'receiving', at: new Date().toISOString(), domid });
  await callWithin(deadlines.callMs, 'renaming the arrived domain', (call) =>
    toolstack.rename(domid, config.domain.name, call),
  );
  await callWithin(deadlines.callMs, 'what this host does for guests that come in', async (call) => {
    const info = await toolstack.info(domid, call);
    if (info !== undefined) await hooks.restored(config.domain, info, call);
  });
  return { digest: digestText(digest), lastByteAt };
}

/** Two digests are the same only where they were taken in the same way. */
export function digestText(digest: Finish['digest']): string {
  return `${digest.algorithm}:${digest.hex}`;
}
