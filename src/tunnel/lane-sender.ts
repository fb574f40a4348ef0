import { InvariantError, ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { Bell } from './bell.js';
import type { FrameLink } from './frame-link.js';
import { FRAME_HEADER_BYTES, FrameType, bareFrame, frameName, type Frame } from './frame.js';
import { RetainedFrames } from './retained-frames.js';
import { CHUNK_BYTES, MAX_LANES, WINDOW_BYTES, WINDOW_FRAMES } from './window.js';

export interface LaneSenderOptions {
  /** Most bytes sent and not acknowledged; the receiver's window must not be smaller. Default 32 MiB. */
  readonly windowBytes?: number;
  /** Ends the transfer and cuts the lanes. */
  readonly signal?: AbortSignal;
}

/** What a transfer has moved so far. */
export interface LaneCounters {
  /** Bytes given to `write` and put on a lane. */
  readonly rawBytes: number;
  /** The same with frame headers. */
  readonly wireBytes: number;
  /** Bytes that the far consumer has taken. */
  readonly ackedBytes: number;
  /** Wire bytes lane by lane. */
  readonly perLaneBytes: readonly number[];
}

interface Lane {
  readonly link: FrameLink;
  /** A frame is still being taken by the connection beyond what may wait. */
  full: boolean;
  /** The far side has said goodbye on it. */
  closed: boolean;
  wireBytes: number;
}

/**
 * Sends one run of bytes over several links. Each chunk goes to the lane that has least waiting, so
 * a slow lane gets fewer. Bytes stay under the window until the far consumer has taken them.
 * Takes the links over; all must be open. The first failure cuts them all, so that the far side
 * learns of it at once.
 */
export class LaneSender implements AsyncDisposable {
  readonly #lanes: Lane[];
  readonly #windowBytes: number;
  readonly #signal: AbortSignal | undefined;
  readonly #retained = new RetainedFrames<Lane>();
  readonly #changed = new Bell();
  readonly #onAbort: () => void;
  #writing = false;
  #endSent = false;
  #endAcked = false;
  #failure: Error | undefined;

  constructor(links: readonly FrameLink[], options: LaneSenderOptions = {}) {
    if (links.length === 0 || links.length > MAX_LANES) {
      throw new InvariantError(`a transfer over ${links.length} lanes; 1 to ${MAX_LANES} are possible`);
    }
    this.#windowBytes = options.windowBytes ?? WINDOW_BYTES;
    if (!(this.#windowBytes >= 1)) throw new InvariantError(`a window of ${this.#windowBytes} bytes`);
    this.#signal = options.signal;
    this.#lanes = links.map((link) => ({ link, full: false, closed: false, wireBytes: 0 }));
    this.#onAbort = () => {
      this.destroy(asError(this.#signal?.reason));
    };
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal?.aborted === true) this.#onAbort();
    for (const lane of this.#lanes) void this.#listen(lane);
  }

  /** How many lanes it has. */
  get count(): number {
    return this.#lanes.length;
  }

  /** Bytes put on the lanes, frame headers included. */
  get wireBytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.wireBytes, 0);
  }

  get counters(): LaneCounters {
    return {
      rawBytes: this.#retained.nextOffset,
      wireBytes: this.wireBytes,
      ackedBytes: this.#retained.ackedBytes,
      perLaneBytes: this.#lanes.map((lane) => lane.wireBytes),
    };
  }

  /** Bytes held because they are not acknowledged: never more than the window. */
  get retainedBytes(): number {
    return this.#retained.bytes;
  }

  /**
   * Sends the chunk, which is handed over and must not change any more. Resolves when all of it is
   * under the window and on a lane; one write at a time. Rejects with what ended the transfer.
   * Chunks above 1 MiB arrive in pieces; smaller ones arrive whole.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.#check();
    if (this.#writing || this.#endSent) {
      throw new InvariantError(this.#endSent ? 'write after the end' : 'write before the last one was taken');
    }
    this.#writing = true;
    try {
      const most = Math.min(CHUNK_BYTES, this.#windowBytes);
      for (let at = 0; at < chunk.length; at += most) await this.#send(chunk.subarray(at, at + most));
    } finally {
      this.#writing = false;
    }
  }

  /** Resolves when the far consumer has taken every byte and agreed to the total. */
  async end(): Promise<{ rawBytes: number; wireBytes: number }> {
    this.#check();
    if (this.#writing || this.#endSent) throw new InvariantError('end twice, or before the last write was taken');
    this.#endSent = true;
    this.#post(this.#emptiest(), bareFrame(FrameType.END, this.#retained.nextSequence, this.#retained.nextOffset));
    while (!this.#endAcked) {
      this.#check();
      await this.#changed.next();
    }
    this.#signal?.removeEventListener('abort', this.#onAbort);
    return { rawBytes: this.#retained.nextOffset, wireBytes: this.wireBytes };
  }

  /** Says goodbye on every lane after `end`; before it, this is a failure the far side sees. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (!this.#endAcked) this.destroy();
    await Promise.all(this.#lanes.map((lane) => lane.link.close(deadlineMs)));
  }

  /** Cuts all lanes; waiting calls reject with the error. */
  destroy(error?: Error): void {
    this.#fail(error ?? new TunnelError('E_TUNNEL_CLOSED', 'the transfer was given up'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send(payload: Uint8Array): Promise<void> {
    for (;;) {
      this.#check();
      const lane = this.#emptiest();
      const fits = this.#retained.bytes + payload.length <= this.#windowBytes && this.#retained.count < WINDOW_FRAMES;
      if (fits && !lane.full) {
        const { nextSequence, nextOffset } = this.#retained;
        const frame: Frame = { type: FrameType.DATA, sequence: nextSequence, offset: nextOffset, payload };
        this.#retained.add(frame, lane);
        this.#post(lane, frame);
        return;
      }
      await this.#changed.next();
    }
  }

  /** The lane to use next: one with room before one without, then the one with least waiting. */
  #emptiest(): Lane {
    return this.#lanes.reduce((best, lane) => {
      if (lane.full !== best.full) return lane.full ? best : lane;
      return lane.link.pendingBytes < best.link.pendingBytes ? lane : best;
    });
  }

  #post(lane: Lane, frame: Frame): void {
    lane.full = true;
    lane.wireBytes += FRAME_HEADER_BYTES + frame.payload.length;
    lane.link.send(frame).then(
      () => {
        lane.full = false;
        this.#changed.ring();
      },
      (error: unknown) => {
        this.#laneFailed(lane, asError(error));
      },
    );
  }

  /** Hears the acknowledgements of one lane, until it ends. Never rejects. */
  async #listen(lane: Lane): Promise<void> {
    try {
      for (;;) {
        const frame = await lane.link.receive();
        if (frame === undefined) break;
        this.#hear(frame, lane);
      }
      lane.closed = true;
      // The goodbye on one lane may overtake the last ACK on another.
      const mayStillCome = this.#endSent && this.#lanes.some(({ closed }) => !closed);
      if (this.#endAcked || mayStillCome) return;
      throw new TunnelError(
        'E_TUNNEL_LANE_LOST',
        `${lane.link.peer.address} closed a lane in the middle of a transfer`,
      );
    } catch (error) {
      this.#laneFailed(lane, asError(error));
    }
  }

  #hear(frame: Frame, lane: Lane): void {
    if (frame.type !== FrameType.ACK) {
      const problem = `${lane.link.peer.address}: expected ACK on a lane, got ${frameName(frame.type)}`;
      throw new ProtocolError('E_PROTOCOL_FRAME_UNEXPECTED', problem);
    }
    const afterEnd = this.#retained.nextSequence + 1;
    if (this.#endSent && frame.sequence === afterEnd) {
      this.#retained.acknowledge(afterEnd - 1, frame.offset);
      this.#endAcked = true;
    } else {
      this.#retained.acknowledge(frame.sequence, frame.offset);
    }
    this.#changed.ring();
  }

  /** Before the end one lost lane ends the transfer; after it, only itself. */
  #laneFailed(lane: Lane, error: Error): void {
    if (this.#endAcked) lane.link.destroy(error);
    else this.#fail(error);
  }

  #fail(error: Error): void {
    // Once all is there and agreed to, how a lane ends does not matter any more.
    if (!this.#endAcked) this.#failure ??= error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#retained.clear();
    for (const lane of this.#lanes) lane.link.destroy(this.#failure ?? error);
    this.#changed.ring();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
