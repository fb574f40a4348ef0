import type { DigestAlgorithm } from '../codec/digest.js';
import { Deadline, orAborted } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import { makePipe } from '../posix/owned-fd.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack, TransferEvent } from '../toolstack/toolstack.js';
import { BatchStream, type StreamTerms } from './batch-stream.js';
import { RawStream, type OutboundSink } from './outbound-stream.js';
import type { StageCounts } from './report.js';

/** The stages' counts are updated at most this often. */
const COUNT_EVERY_MS = 100;

/** The way to the destination's restore: what the tunnel's sending lanes offer. */
export interface OutboundLanes {
  /** Resolves when the chunk is accepted under the window; then it is the caller's again. */
  write(chunk: Uint8Array): Promise<void>;
  /** The same for shared memory, which is the caller's again when `giveBack` is called. Absent: every chunk is written. */
  lend?(chunk: Uint8Array, giveBack: () => void): Promise<void>;
  /** Resolves when the destination has taken every byte. */
  end(): Promise<{ readonly rawBytes: number; readonly wireBytes: number }>;
}

export interface PerformRequest {
  readonly toolstack: Toolstack;
  readonly domid: Domid;
  readonly live: boolean;
  readonly lanes: OutboundLanes;
  readonly bandwidthBytesPerSecond?: number | undefined;
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: TransferEvent) => void;
  /** Bytes of the raw stream that the tunnel has accepted so far. */
  readonly onBytes: (rawBytes: number, counts: StageCounts) => void;
  /** Absent: the stream goes as it is, with SHA-256. */
  readonly terms?: StreamTerms | undefined;
}

export interface Performed {
  readonly rawBytes: number;
  readonly wireBytes: number;
  readonly digest: { readonly algorithm: DigestAlgorithm; readonly hex: string };
  readonly counts: StageCounts;
  /** From the first byte of the stream to the destination having the last. */
  readonly transferMs: number;
}

/**
 * Perform: the toolstack's save -> pipe -> digest, rate -> codec -> lanes. Resolves when the destination's restore has
 * been handed every byte. Rejects with the first thing that broke; by then the save has ended, and
 * the guest runs or is suspended: the caller looks.
 */
export async function perform(request: PerformRequest): Promise<Performed> {
  const stop = new AbortController();
  using moving = new Deadline(
    AbortSignal.any([request.signal, stop.signal]),
    request.stallMs,
    'E_DEADLINE_STALLED',
    'moving the next byte of the save stream',
  );
  const { terms, lanes } = request;
  const pipe = makePipe('save stream');
  using source = pipe.readEnd;
  using sink = pipe.writeEnd;
  let sendWaitMs = 0;
  let begunAt: number | undefined;
  const outbound = {
    source,
    bytesPerSecond: request.bandwidthBytesPerSecond,
    signal: moving.signal,
    onBegun: () => {
      begunAt = performance.now();
    },
  };
  await using stream = terms === undefined ? new RawStream(outbound) : new BatchStream(terms, outbound);
  const counts = (): StageCounts => ({ ...stream.counts, sendWaitMs });
  let latest = counts();
  let countedAt = performance.now();

  const save = request.toolstack.save(request.domid, sink, {
    live: request.live,
    signal: moving.signal,
    onEvent: (event) => {
      moving.refresh();
      if (event.type === 'suspended') stream.hurry();
      request.onEvent(event);
    },
  });
  const send = async (accepted: Promise<void>): Promise<number> => {
    const since = performance.now();
    // Lanes may live on while the far side does not take what they bring: so the wait ends with the signal, too.
    await orAborted(accepted, moving.signal);
    const waitMs = performance.now() - since;
    sendWaitMs += waitMs;
    moving.refresh();
    if (performance.now() - countedAt >= COUNT_EVERY_MS) {
      countedAt = performance.now();
      latest = counts();
    }
    request.onBytes(stream.rawBytes, latest);
    return waitMs;
  };
  const outlet: OutboundSink = {
    write: (chunk) => send(lanes.write(chunk)),
    lend: async (chunk, giveBack) => {
      if (lanes.lend !== undefined) return send(lanes.lend(chunk, giveBack));
      const waitMs = await send(lanes.write(chunk));
      giveBack();
      return waitMs;
    },
  };
  const pump = async (): Promise<{ rawBytes: number; wireBytes: number }> => {
    await stream.sendTo(outlet);
    // End of file alone is no success: the lanes end only after a save that reports success.
    await save;
    const { wireBytes } = await orAborted(lanes.end(), moving.signal);
    return { rawBytes: stream.rawBytes, wireBytes };
  };

  // The first failure stops the other side and is what the caller gets; both are always awaited.
  let first: Error | undefined;
  const guard = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      first ??= moving.signal.aborted ? asError(moving.signal.reason) : asError(error);
      stop.abort(first);
      throw error;
    }
  };
  const [saved, pumped] = await Promise.allSettled([guard(save), guard(pump())]);
  if (saved.status === 'rejected' || pumped.status === 'rejected') {
    throw first ?? new Error('the save stream broke without a reason');
  }
  const transferMs = performance.now() - (begunAt ?? performance.now());
  return { ...pumped.value, digest: stream.digest(), counts: counts(), transferMs };
}
