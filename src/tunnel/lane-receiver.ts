import { InvariantError, ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { Bell } from './bell.js';
import type { FrameLink } from './frame-link.js';
import { FRAME_HEADER_BYTES, FrameType, bareFrame, frameName, type Frame } from './frame.js';
import type { LaneCounters } from './lane-sender.js';
import { ReorderBuffer } from './reorder-buffer.js';
import { MAX_LANES, WINDOW_BYTES } from './window.js';

export interface LaneReceiverOptions {
  /** Most bytes that wait for their turn or for the consumer. Default 32 MiB. */
  readonly windowBytes?: number;
  /** Ends the transfer and cuts the lanes. */
  readonly signal?: AbortSignal;
}

/** Not every chunk is worth an ACK of its own: one is due after so many bytes, or after so long. */
const ACK_EVERY_BYTES = 2 * 1024 * 1024;
const ACK_AFTER_MS = 2;

interface Lane {
  readonly link: FrameLink;
  wireBytes: number;
}

/**
 * The far end of a `LaneSender`: iterate it once to get the bytes, in order. A chunk is acknowledged
 * when the consumer asks for the next one, so a slow consumer slows the sender down and nothing
 * piles up beyond the window. Lanes are always read on, so keepalive works however slow the
 * consumer is. The iteration ends when all bytes have been taken and the totals agree; it throws
 * with the first failure, which also cuts every lane. Leaving it early cuts them too.
 */
export class LaneReceiver implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #lanes: Lane[] = [];
  readonly #buffer: ReorderBuffer;
  readonly #signal: AbortSignal | undefined;
  readonly #changed = new Bell();
  readonly #onAbort: () => void;
  #iterated = false;
  #complete = false;
  readonly #ackEveryBytes: number;
  /** What the consumer is done with, and how much of that has been told. */
  #doneSequence = 0;
  #doneBytes = 0;
  #ackedSequence = 0;
  #ackedBytes = 0;
  #acking = false;
  #ackTimer: NodeJS.Timeout | undefined;
  #failure: Error | undefined;

  constructor(options: LaneReceiverOptions = {}) {
    const windowBytes = options.windowBytes ?? WINDOW_BYTES;
    if (!(windowBytes >= 1)) throw new InvariantError(`a window of ${windowBytes} bytes`);
    this.#buffer = new ReorderBuffer(windowBytes);
    this.#ackEveryBytes = Math.min(ACK_EVERY_BYTES, windowBytes / 4);
    this.#signal = options.signal;
    this.#onAbort = () => {
      this.destroy(asError(this.#signal?.reason));
    };
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal?.aborted === true) this.#onAbort();
  }

  get counters(): LaneCounters {
    return {
      rawBytes: this.#buffer.nextOffset,
      wireBytes: this.wireBytes,
      ackedBytes: this.#ackedBytes,
      perLaneBytes: this.#lanes.map((lane) => lane.wireBytes),
    };
  }

  /** Bytes of frames that came over the lanes, headers included. */
  get wireBytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.wireBytes, 0);
  }

  /** Bytes held here for their turn or for the consumer: never more than the window. */
  get heldBytes(): number {
    return this.#buffer.heldBytes;
  }

  /** Takes an open link over and reads its frames. Lanes may join at any time before the end. */
  attach(link: FrameLink): void {
    if (this.#failure !== undefined || this.#complete || this.#lanes.length >= MAX_LANES) {
      link.destroy(this.#failure ?? new TunnelError('E_TUNNEL_CLOSED', 'the transfer takes no more lanes'));
      return;
    }
    const lane: Lane = { link, wireBytes: 0 };
    this.#lanes.push(lane);
    void this.#listen(lane);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#iterated) throw new InvariantError('a transfer can be read once only');
    this.#iterated = true;
    try {
      for (;;) {
        this.#check();
        this.#doneSequence = this.#buffer.nextSequence;
        this.#doneBytes = this.#buffer.nextOffset;
        if (this.#doneBytes - this.#ackedBytes >= this.#ackEveryBytes) this.#acknowledge();
        const chunk = this.#buffer.take();
        if (chunk !== undefined) {
          yield chunk;
          continue;
        }
        if (this.#buffer.complete) {
          this.#finish();
          return;
        }
        this.#acknowledgeSoon();
        await this.#changed.next();
      }
    } finally {
      if (!this.#complete) this.destroy(new TunnelError('E_TUNNEL_CLOSED', 'the transfer was given up by its reader'));
    }
  }

  /** After the iteration: waits for the sender's goodbyes. Before its end: cuts the lanes. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (!this.#complete) this.destroy();
    await Promise.all(this.#lanes.map((lane) => lane.link.close(deadlineMs)));
  }

  /** Cuts all lanes; the iteration throws the error. */
  destroy(error?: Error): void {
    this.#fail(error ?? new TunnelError('E_TUNNEL_CLOSED', 'the transfer was given up'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Reads one lane until it ends. Never rejects. */
  async #listen(lane: Lane): Promise<void> {
    try {
      for (;;) {
        const frame = await lane.link.receive();
        if (frame === undefined) break;
        this.#hear(frame, lane);
      }
      if (this.#complete) return;
      throw new TunnelError(
        'E_TUNNEL_LANE_LOST',
        `${lane.link.peer.address} closed a lane in the middle of a transfer`,
      );
    } catch (error) {
      this.#laneFailed(lane, asError(error));
    }
  }

  #hear(frame: Frame, lane: Lane): void {
    lane.wireBytes += FRAME_HEADER_BYTES + frame.payload.length;
    if (frame.type === FrameType.DATA) {
      this.#buffer.insert(frame);
    } else if (frame.type === FrameType.END) {
      this.#buffer.finish(frame);
    } else {
      const problem = `${lane.link.peer.address}: expected DATA on a lane, got ${frameName(frame.type)}`;
      throw new ProtocolError('E_PROTOCOL_FRAME_UNEXPECTED', problem);
    }
    this.#changed.ring();
  }

  /**
   * Tells the sender what the consumer is done with. One ACK is under way at a time: they are
   * cumulative, and a sender that does not read them must not make us pile them up.
   */
  #acknowledge(): void {
    if (this.#acking || this.#complete || this.#failure !== undefined || this.#doneSequence === this.#ackedSequence)
      return;
    const lane = this.#quietest();
    if (lane === undefined) return;
    this.#acking = true;
    this.#ackedSequence = this.#doneSequence;
    this.#ackedBytes = this.#doneBytes;
    this.#buffer.acknowledge(this.#ackedSequence, this.#ackedBytes);
    lane.link.send(bareFrame(FrameType.ACK, this.#ackedSequence, this.#ackedBytes)).then(
      () => {
        this.#acking = false;
        this.#acknowledge();
      },
      (error: unknown) => {
        this.#laneFailed(lane, asError(error));
      },
    );
  }

  /** The sender may be waiting for exactly this before it can go on. */
  #acknowledgeSoon(): void {
    if (this.#ackTimer !== undefined || this.#doneSequence === this.#ackedSequence) return;
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = undefined;
      this.#acknowledge();
    }, ACK_AFTER_MS);
  }

  /** The last ACK counts the END frame too: the sender then knows that all was taken and agreed to. */
  #finish(): void {
    this.#complete = true;
    clearTimeout(this.#ackTimer);
    this.#ackedBytes = this.#doneBytes;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#quietest()
      ?.link.send(bareFrame(FrameType.ACK, this.#doneSequence + 1, this.#doneBytes))
      .catch(() => undefined); // the sender went away without waiting for it, which is its own loss
  }

  #quietest(): Lane | undefined {
    if (this.#lanes.length < 2) return this.#lanes[0];
    return this.#lanes.reduce((best, lane) => (lane.link.pendingBytes < best.link.pendingBytes ? lane : best));
  }

  /** Before the end one lost lane ends the transfer; after it, only itself. */
  #laneFailed(lane: Lane, error: Error): void {
    if (this.#complete) lane.link.destroy(error);
    else this.#fail(error);
  }

  #fail(error: Error): void {
    // Once everything has been taken, how a lane ends does not matter any more.
    if (!this.#complete) this.#failure ??= error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#ackTimer);
    this.#buffer.clear();
    for (const lane of this.#lanes) lane.link.destroy(this.#failure ?? error);
    this.#changed.ring();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
