import { InvariantError, ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { Condition } from './condition.js';
import { FrameType, bareFrame, frameName, type Frame } from './frame.js';
import { LaneGroup, type Lane, type LaneCounters } from './lane-group.js';
import type { LaneLink } from './lane-link.js';
import { LaneReplacer, type LaneResume } from './lane-resume.js';
import { LiveWindow } from './live-window.js';
import { RetainedFrames } from './retained-frames.js';
import { PayloadSlots } from './payload-slots.js';
import { CHUNK_BYTES, MAX_LANES, WINDOW_BYTES, WINDOW_FRAMES } from './window.js';

export interface LaneSenderOptions {
  /** Most bytes sent and not acknowledged, where the path needs as many; the receiver's window must not be smaller. Default 32 MiB. */
  readonly windowBytes?: number;
  /** Most frames sent and not acknowledged. Default, and most, 4096. */
  readonly windowFrames?: number | undefined;
  /** Ends the transfer and cuts the lanes. */
  readonly signal?: AbortSignal;
  /** If absent, the first lost lane ends the transfer. */
  readonly resume?: LaneResume;
}

/**
 * Sends one run of bytes over several links. Each chunk goes to the lane that has least waiting, so
 * a slow lane gets fewer. Bytes stay under the window until the far consumer has taken them: what a lost
 * lane had not delivered is sent over the others, and over its replacement.
 * Takes ownership of the links; all must be open. The end of the transfer cuts them all, so that the far side
 * learns of it at once.
 */
export class LaneSender implements AsyncDisposable {
  readonly #count: number;
  readonly #lanes: LaneGroup;
  readonly #replacer: LaneReplacer;
  readonly #windowBytes: number;
  readonly #windowFrames: number;
  readonly #window: LiveWindow;
  readonly #signal: AbortSignal | undefined;
  readonly #slots: PayloadSlots;
  readonly #retained = new RetainedFrames<Lane>((frame) => {
    this.#slots.release(frame.payload);
  });
  readonly #changed = new Condition();
  readonly #onAbort: () => void;
  #writing = false;
  #endSent = false;
  /** The lane that END was put on, while it is there. */
  #endLane: Lane | undefined;
  #endAcked = false;
  #failure: Error | undefined;

  constructor(links: readonly LaneLink[], options: LaneSenderOptions = {}) {
    if (links.length === 0 || links.length > MAX_LANES) {
      throw new InvariantError(`a transfer over ${links.length} lanes; 1 to ${MAX_LANES} are possible`);
    }
    this.#count = links.length;
    this.#windowBytes = options.windowBytes ?? WINDOW_BYTES;
    if (!(this.#windowBytes >= 1)) throw new InvariantError(`a window of ${this.#windowBytes} bytes`);
    this.#windowFrames = Math.min(WINDOW_FRAMES, options.windowFrames ?? WINDOW_FRAMES);
    this.#window = new LiveWindow(this.#windowBytes);
    this.#slots = new PayloadSlots(this.#windowBytes);
    this.#signal = options.signal;
    this.#lanes = new LaneGroup('sentBytes', {
      onFrame: (frame, lane) => {
        this.#hear(frame, lane);
      },
      onEnd: (lane, error) => {
        this.#ended(lane, error);
      },
    });
    const never = (): Promise<LaneLink> => Promise.reject(new InvariantError('a lane was dialled again'));
    this.#replacer = new LaneReplacer(
      options.resume ?? { forMs: 0, redial: never },
      (link, index) => {
        this.#lanes.add(link, index);
        this.#pump();
      },
      (error) => {
        this.#fail(error);
      },
    );
    this.#onAbort = () => {
      this.destroy(asError(this.#signal?.reason));
    };
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    for (const [index, link] of links.entries()) this.#lanes.add(link, index);
    if (this.#signal?.aborted === true) this.#onAbort();
  }

  /** How many lanes it has while none is lost. */
  get count(): number {
    return this.#count;
  }

  /** How many lost lanes were replaced. */
  get reconnects(): number {
    return this.#replacer.replaced;
  }

  /** Bytes put on the lanes, frame headers and repeats included. */
  get wireBytes(): number {
    return this.#lanes.wireBytes;
  }

  get counters(): LaneCounters {
    return {
      rawBytes: this.#retained.nextOffset,
      wireBytes: this.wireBytes,
      ackedBytes: this.#retained.ackedBytes,
      perLaneBytes: this.#lanes.perLaneBytes,
    };
  }

  /** Bytes held because they are not acknowledged: never more than the window. */
  get retainedBytes(): number {
    return this.#retained.bytes;
  }

  /**
   * Sends the chunk. Resolves when all of it is copied, under the window and on a lane; then it is the
   * caller's again. One write at a time. Rejects with the error that ended the transfer.
   * Chunks above 1 MiB arrive in pieces; smaller ones arrive whole.
   */
  async write(chunk: Uint8Array): Promise<void> {
    // Once, and not for each lane that it may have to go over.
    await this.#writeParts(chunk, (part, lane) => this.#slots.copy(part, lane.link.threaded === true));
  }

  /**
   * Sends a chunk of shared memory without a copy. Resolves when all of it is under the window and on a lane; it must stay as it is until
   * `giveBack` is called: when the far side has it and no thread reads it any more. Where the transfer fails, that may never be.
   */
  async lend(chunk: Uint8Array, giveBack: () => void): Promise<void> {
    let parts = Math.ceil(chunk.length / this.#mostBytes);
    const onPart = (): void => {
      parts -= 1;
      if (parts === 0) giveBack();
    };
    await this.#writeParts(chunk, (part, lane) => {
      if (lane.link.threaded === true) {
        this.#slots.lend(part, onPart);
        return part;
      }
      const copy = this.#slots.copy(part, false);
      onPart();
      return copy;
    });
  }

  get #mostBytes(): number {
    return Math.min(CHUNK_BYTES, this.#windowBytes);
  }

  /** @param keep makes of a part what is kept until it is acknowledged */
  async #writeParts(chunk: Uint8Array, keep: (part: Uint8Array, lane: Lane) => Uint8Array): Promise<void> {
    this.#check();
    if (this.#writing || this.#endSent) {
      throw new InvariantError(this.#endSent ? 'write after the end' : 'write before the last one was taken');
    }
    this.#writing = true;
    try {
      const most = this.#mostBytes;
      for (let at = 0; at < chunk.length; at += most) await this.#send(chunk.subarray(at, at + most), keep);
    } finally {
      this.#writing = false;
    }
  }

  /** Resolves when the far consumer has taken every byte and agreed to the total. */
  async end(): Promise<{ rawBytes: number; wireBytes: number }> {
    this.#check();
    if (this.#writing || this.#endSent) throw new InvariantError('end twice, or before the last write was taken');
    this.#endSent = true;
    this.#pump();
    while (!this.#endAcked) {
      this.#check();
      await this.#changed.wait();
    }
    this.#release();
    return { rawBytes: this.#retained.nextOffset, wireBytes: this.wireBytes };
  }

  /** Resolves when the far consumer has taken what was written before this call. Rejects with what ended the transfer. */
  async drained(): Promise<void> {
    const upTo = this.#retained.nextOffset;
    while (this.#retained.ackedBytes < upTo) {
      this.#check();
      await this.#changed.wait();
    }
  }

  /** Says goodbye on every lane after `end`; before it, this is a failure the far side sees. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    this.#release();
    if (!this.#endAcked) this.destroy();
    await this.#lanes.close(deadlineMs);
  }

  /** Cuts all lanes; waiting calls reject with the error. */
  destroy(error?: Error): void {
    this.#fail(error ?? new TunnelError('E_TUNNEL_CLOSED', 'the transfer was given up'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send(payload: Uint8Array, keep: (part: Uint8Array, lane: Lane) => Uint8Array): Promise<void> {
    for (;;) {
      this.#check();
      const lane = this.#lanes.quietest();
      const fits =
        this.#retained.bytes + payload.length <= this.#window.bytes && this.#retained.count < this.#windowFrames;
      if (lane?.full === false && fits && !this.#retained.hasOrphans) {
        const { nextSequence, nextOffset } = this.#retained;
        const bytes = keep(payload, lane);
        const frame: Frame = { type: FrameType.DATA, sequence: nextSequence, offset: nextOffset, payload: bytes };
        this.#retained.add(frame, lane);
        this.#window.sent(this.#retained.nextOffset);
        this.#post(lane, frame);
        return;
      }
      await this.#changed.wait();
    }
  }

  /** Sends the rest of a lost lane, and END if it is due; wakes waiting writers. */
  #pump(): void {
    for (;;) {
      const lane = this.#lanes.quietest();
      if (lane === undefined || lane.full) break;
      const again = this.#retained.adopt(lane);
      if (again !== undefined) {
        this.#post(lane, again);
        continue;
      }
      if (this.#endSent && this.#endLane === undefined && !this.#endAcked) {
        this.#endLane = lane;
        this.#post(lane, bareFrame(FrameType.END, this.#retained.nextSequence, this.#retained.nextOffset));
      }
      break;
    }
    this.#changed.notifyAll();
  }

  #post(lane: Lane, frame: Frame): void {
    lane.full = true;
    let sent = frame;
    if (lane.link.threaded === true) {
      lane.link.onUnused ??= (payload) => {
        this.#slots.release(payload);
      };
      this.#slots.hold(frame.payload);
    } else if (this.#slots.isLent(frame.payload)) {
      // This link does not say when it has done with a payload.
      sent = { ...frame, payload: Uint8Array.from(frame.payload) };
    }
    lane.link.send(sent).then(
      () => {
        lane.full = false;
        this.#pump();
      },
      (error: unknown) => {
        this.#ended(lane, asError(error));
      },
    );
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
      this.#release();
    } else {
      this.#retained.acknowledge(frame.sequence, frame.offset);
    }
    this.#window.acknowledged(this.#retained.ackedBytes);
    this.#changed.notifyAll();
  }

  /** A lane is lost. After the end this has no effect. */
  #ended(lane: Lane, error: Error | undefined): void {
    if (this.#failure !== undefined) return;
    if (error === undefined) {
      // The goodbye on one lane may overtake the last ACK on another.
      if (this.#endAcked || (this.#endSent && this.#lanes.open > 0)) return;
      const problem = `${lane.link.peer.address} closed a lane in the middle of a transfer`;
      this.#fail(new TunnelError('E_TUNNEL_LANE_LOST', problem));
      return;
    }
    if (!this.#lanes.remove(lane, error) || this.#endAcked) return;
    if (!this.#replacer.outlives(error)) {
      this.#fail(error);
      return;
    }
    // A lost connection may still hold a copied payload: its memory is not used again, least of all for another guest. Lent memory is of this
    // guest alone, and is not given back before its thread has said that the connection is closed.
    for (const { payload } of this.#retained.orphan(lane)) if (!this.#slots.isLent(payload)) this.#slots.hold(payload);
    if (this.#endLane === lane) this.#endLane = undefined;
    this.#replacer.lost(lane.index, error, performance.now() - lane.since, this.#lanes.open);
    this.#pump();
  }

  #fail(error: Error): void {
    // Once all is there and agreed to, how a lane ends does not matter any more.
    if (!this.#endAcked) this.#failure ??= error;
    this.#release();
    this.#retained.clear();
    this.#lanes.destroy(this.#failure ?? error);
    this.#changed.notifyAll();
  }

  #release(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#replacer[Symbol.dispose]();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
