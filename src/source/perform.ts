import { gen } from 'stream-chain';
import { limitRate, StreamDigester } from '../codec/stages.js';
import { Deadline } from '../errors/deadline.js';
import { asError } from '../errors/message-of.js';
import { makePipe } from '../posix/owned-fd.js';
import { readFd } from '../posix/fd-stream.js';
import type { Domid } from '../toolstack/domid.js';
import type { Toolstack, TransferEvent } from '../toolstack/toolstack.js';

/** The way to the destination's restore: what the tunnel's sending lanes offer. */
export interface OutboundLanes {
  /** Resolves when the chunk is accepted under the window; the chunk is handed over. */
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
  readonly onBytes: (rawBytes: number) => void;
}

export interface Performed {
  readonly rawBytes: number;
  readonly wireBytes: number;
  readonly digestHex: string;
}

/**
 * Perform: the toolstack's save -> pipe -> digest -> lanes. Resolves when the destination's restore has
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
  const digester = new StreamDigester();
  const pipe = makePipe('save stream');

  const save = request.toolstack.save(request.domid, pipe.writeEnd, {
    live: request.live,
    signal: moving.signal,
    onEvent: (event) => {
      moving.refresh();
      request.onEvent(event);
    },
  });
  const stages = gen(digester.stage, limitRate(request.bandwidthBytesPerSecond, moving.signal));
  const pump = async (): Promise<{ rawBytes: number; wireBytes: number }> => {
    for await (const chunk of readFd(pipe.readEnd, moving.signal)) {
      for await (const out of stages(chunk)) await request.lanes.write(out);
      moving.refresh();
      request.onBytes(digester.bytes);
    }
    // End of file alone is no success: the lanes end only behind a save that says it is done.
    await save;
    return request.lanes.end();
  };

  // Whichever breaks first stops the other, and is what the caller is told; both are always awaited.
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
  return { ...pumped.value, digestHex: digester.digest() };
}
