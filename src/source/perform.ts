import { gen } from 'stream-chain';
import type { Compression, StreamChoice } from '../codec/agreement.js';
import { StreamDigester, type DigestAlgorithm } from '../codec/digest.js';
import { limitRate } from '../codec/rate.js';
import { StreamEncoder } from '../codec/stream-encoder.js';
import { Deadline, orAborted } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import { makePipe } from '../posix/owned-fd.js';
import { readFd } from '../posix/fd-stream.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack, TransferEvent } from '../toolstack/toolstack.js';
import type { StageCounts } from './report.js';

/** The stages' counts are updated at most this often. */
const COUNT_EVERY_MS = 100;

/** What was agreed on for the stream: see the codec. */
export interface StreamTerms {
  readonly choice: StreamChoice;
  readonly compression: Compression;
  readonly digestKey: Buffer;
}

/** The way to the destination's restore: what the tunnel's sending lanes offer. */
export interface OutboundLanes {
  /** Resolves when the chunk is accepted under the window; then it is the caller's again. */
  write(chunk: Uint8Array): Promise<void>;
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
  using encoder = terms === undefined ? undefined : new StreamEncoder(terms.choice, terms.digestKey, terms.compression);
  const raw = new StreamDigester();
  const digester = encoder?.digester ?? raw;
  let sendWaitMs = 0;
  let begunAt: number | undefined;
  const counts = (): StageCounts => ({
    ...(encoder === undefined ? {} : { codec: encoder.counts }),
    digestMs: digester.spentMs,
    sendWaitMs,
  });
  let latest = counts();
  let countedAt = performance.now();
  const pipe = makePipe('save stream');

  const save = request.toolstack.save(request.domid, pipe.writeEnd, {
    live: request.live,
    signal: moving.signal,
    onEvent: (event) => {
      moving.refresh();
      if (event.type === 'suspended') encoder?.hurry();
      request.onEvent(event);
    },
  });
  const stages = gen(
    encoder === undefined ? raw.stage : passOn,
    limitRate(request.bandwidthBytesPerSecond, moving.signal),
  );
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of readFd(pipe.readEnd, moving.signal, undefined, () => encoder?.lingerMs ?? 0)) {
      begunAt ??= performance.now();
      for await (const out of stages(chunk)) yield out;
    }
  };
  const send = async (bytes: Uint8Array): Promise<number> => {
    const since = performance.now();
    // Lanes may live on while the far side does not take what they bring: so the wait ends with the signal, too.
    await orAborted(lanes.write(bytes), moving.signal);
    const waitMs = performance.now() - since;
    sendWaitMs += waitMs;
    moving.refresh();
    if (performance.now() - countedAt >= COUNT_EVERY_MS) {
      countedAt = performance.now();
      latest = counts();
    }
    request.onBytes(digester.rawBytes, latest);
    return waitMs;
  };
  const pump = async (): Promise<{ rawBytes: number; wireBytes: number }> => {
    if (encoder === undefined) {
      for await (const chunk of chunks()) await send(chunk);
    } else {
      for await (const batch of encoder.batches(chunks())) {
        encoder.sent(batch, await send(batch.bytes));
      }
    }
    // End of file alone is no success: the lanes end only after a save that reports success.
    await save;
    const { wireBytes } = await orAborted(lanes.end(), moving.signal);
    return { rawBytes: digester.rawBytes, wireBytes };
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
  const digest = { algorithm: digester.algorithm, hex: digester.digest() };
  return { ...pumped.value, digest, counts: counts(), transferMs: performance.now() - (begunAt ?? performance.now()) };
}

function passOn(chunk: Uint8Array): Uint8Array {
  return chunk;
}
