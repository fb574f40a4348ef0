import { InvariantError, ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { Condition } from './condition.js';
import { FrameType, bareFrame, frameName, type Frame } from './frame.js';
import { LaneGroup, type Lane, type LaneCounters } from './lane-group.js';
import type { LaneLink } from './lane-link.js';
import { connectionGone, mayHeal } from './reconnecting.js';
import { ReorderBuffer } from './reorder-buffer.js';
import { MAX_LANES, WINDOW_BYTES, WINDOW_FRAMES } from './window.js';

export interface LaneReceiverOptions {
  /** Most bytes that wait for their turn or for the consumer. Default 32 MiB. */
  readonly windowBytes?: number;
  /** Ends the transfer and cuts the lanes. */
  readonly signal?: AbortSignal;
  /** How long it may be without any lane, in ms. 0, the default: the first lost lane ends the transfer. */
  readonly reconnectMs?: number;
}

/** Not every chunk is worth an ACK of its own: one is due after so many bytes or frames, or after so long. */
const ACK_EVERY_BYTES = 2 * 1024 * 1024;
const ACK_EVERY_FRAMES = WINDOW_FRAMES / 4;
const ACK_AFTER_MS = 2;

/**
 * The far end of a `LaneSender`: iterate it once to get the bytes, in order. A chunk is acknowledged
 * when the consumer asks for the next one, so a slow consumer slows the sender down and nothing
 * piles up beyond the window. Lanes are always read on, so keepalive works however slow the
 * consumer is. The iteration ends when all bytes have been taken and the totals agree; it throws
 * with what ended the transfer, which also cuts every lane. Leaving it early cuts them too.
 */
export class LaneReceiver implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #lanes: LaneGroup;
  readonly #buffer: ReorderBuffer;
  readonly #signal: AbortSignal | undefined;
  readonly #reconnectMs: number;
  readonly #changed = new Condition();
  /** The link that owns a payload's memory, if it wants it back. */
  readonly #lentBy = new WeakMap<ArrayBufferLike, LaneLink>();
  readonly #onAbort: () => void;
  readonly #ackEveryBytes: number;
  #ackEveryFrames = ACK_EVERY_FRAMES;
  /** Resolves when the first lane has joined; never rejects. */
  readonly opened: Promise<void>;
  #resolveOpened: () => void = () => undefined;
  #iterated = false;
  /** Lengths of the chunks that were handed out and are not done with; undefined where asking for the next says so. */
  #handedOut: number[] | undefined;
  #complete = false;
  /** The consumer's progress, and the part that has been acknowledged. */
  #doneSequence = 0;
  #doneBytes = 0;
  #ackedSequence = 0;
  #ackedBytes = 0;
  #acking: Lane | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  #outage: NodeJS.Timeout | undefined;
  #failure: Error | undefined;

  constructor(options: LaneReceiverOptions = {}) {
    const windowBytes = options.windowBytes ?? WINDOW_BYTES;
    if (!(windowBytes >= 1)) throw new InvariantError(`a window of ${windowBytes} bytes`);
    this.#reconnectMs = options.reconnectMs ?? 0;
    this.#buffer = new ReorderBuffer(windowBytes, this.#reconnectMs > 0);
    this.#ackEveryBytes = Math.min(ACK_EVERY_BYTES, windowBytes / 4);
    this.#lanes = new LaneGroup('receivedBytes', {
      onFrame: (frame, lane) => {
        this.#hear(frame, lane);
      },
      onEnd: (lane, error) => {
        this.#ended(lane, error);
      },
    });
    this.opened = new Promise((resolve) => {
      this.#resolveOpened = resolve;
    });
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
      perLaneBytes: this.#lanes.perLaneBytes,
    };
  }

  /** Bytes of frames received over the lanes, headers included. */
  get wireBytes(): number {
    return this.#lanes.wireBytes;
  }

  /** Bytes held here for their turn or for the consumer: never more than the window. */
  get heldBytes(): number {
    return this.#buffer.heldBytes;
  }

  /**
   * From now on a chunk is acknowledged when `taken` says so, and not more than so many frames may be under way. Call it
   * before the iteration, which then ends once all chunks are taken.
   */
  takeSeparately(windowFrames: number): void {
    this.#handedOut = [];
    this.#ackEveryFrames = Math.min(ACK_EVERY_FRAMES, windowFrames / 4);
    this.#buffer.limitFrames(windowFrames);
  }

  /** The consumer is done with so many chunks more, in their order. */
  taken(chunks: number): void {
    for (const bytes of this.#handedOut?.splice(0, chunks) ?? []) {
      this.#doneSequence += 1;
      this.#doneBytes += bytes;
    }
    if (this.#ackDue) this.#acknowledge();
    else this.#acknowledgeSoon();
    this.#changed.notifyAll();
  }

  /** Throws why no lane is taken any more: call it before a new one is let in. */
  checkOpen(): void {
    this.#check();
  }

  /**
   * Takes ownership of an open link and reads its frames. Lanes may join at any time; one with the index of a lane
   * that exists replaces it, and gets the transfer's progress at once.
   */
  attach(link: LaneLink, index = this.#lanes.all.length): void {
    const before = this.#lanes.all.find((lane) => lane.index === index);
    if (before !== undefined) this.#drop(before, new TunnelError('E_TUNNEL_CLOSED', 'a new lane took its place'));
    if (this.#failure !== undefined || this.#lanes.all.length >= MAX_LANES) {
      link.destroy(this.#failure ?? new TunnelError('E_TUNNEL_CLOSED', 'the transfer takes no more lanes'));
      return;
    }
    clearTimeout(this.#outage);
    this.#outage = undefined;
    const lane = this.#lanes.add(link, index);
    this.#resolveOpened();
    if (this.#complete) this.#sendLastAck(lane);
    else this.#acknowledge();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#iterated) throw new InvariantError('a transfer can be read once only');
    this.#iterated = true;
    try {
      for (;;) {
        this.#check();
        if (this.#handedOut === undefined) {
          this.#doneSequence = this.#buffer.nextSequence;
          this.#doneBytes = this.#buffer.nextOffset;
        }
        if (this.#ackDue) this.#acknowledge();
        const chunk = this.#buffer.take();
        if (chunk !== undefined) {
          this.#handedOut?.push(chunk.length);
          yield chunk;
          continue;
        }
        if (this.#buffer.complete && (this.#handedOut?.length ?? 0) === 0) {
          this.#finish();
          return;
        }
        this.#acknowledgeSoon();
        await this.#changed.wait();
      }
    } finally {
      if (!this.#complete) this.destroy(new TunnelError('E_TUNNEL_CLOSED', 'the transfer was given up by its reader'));
    }
  }

  /** Returns a chunk that is not used any more, so that its memory is reused. */
  release(chunk: Uint8Array): void {
    const link = this.#lentBy.get(chunk.buffer);
    this.#lentBy.delete(chunk.buffer);
    link?.release?.(chunk);
  }

  /** After the iteration: waits for the sender's goodbyes. Before its end: cuts the lanes. Never rejects. */
  async close(deadlineMs?: number): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (!this.#complete) this.destroy();
    await this.#lanes.close(deadlineMs);
  }

  /** Cuts all lanes; the iteration throws the error. */
  destroy(error?: Error): void {
    this.#fail(error ?? new TunnelError('E_TUNNEL_CLOSED', 'the transfer was given up'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #hear(frame: Frame, lane: Lane): void {
    if (frame.type === FrameType.DATA) {
      if (lane.link.release !== undefined) this.#lentBy.set(frame.payload.buffer, lane.link);
      if (!this.#buffer.insert(frame)) this.release(frame.payload);
    } else if (frame.type === FrameType.END) {
      this.#buffer.finish(frame);
    } else {
      const problem = `${lane.link.peer.address}: expected DATA on a lane, got ${frameName(frame.type)}`;
      throw new ProtocolError('E_PROTOCOL_FRAME_UNEXPECTED', problem);
    }
    this.#changed.notifyAll();
  }

  /**
   * Sends the consumer's progress to the sender. One ACK is under way at a time: they are
   * cumulative, and a sender that does not read them must not make us pile them up.
   */
  #acknowledge(): void {
    if (this.#acking !== undefined || this.#complete || this.#failure !== undefined) return;
    const lane = this.#lanes.quietest();
    if (lane === undefined || this.#doneSequence === this.#ackedSequence) return;
    this.#acking = lane;
    this.#ackedSequence = this.#doneSequence;
    this.#ackedBytes = this.#doneBytes;
    this.#buffer.acknowledge(this.#ackedSequence, this.#ackedBytes);
    lane.link.send(bareFrame(FrameType.ACK, this.#ackedSequence, this.#ackedBytes)).then(
      () => {
        if (this.#acking === lane) this.#acking = undefined;
        this.#acknowledge();
      },
      (error: unknown) => {
        this.#ended(lane, asError(error));
      },
    );
  }

  get #ackDue(): boolean {
    return (
      this.#doneBytes - this.#ackedBytes >= this.#ackEveryBytes ||
      this.#doneSequence - this.#ackedSequence >= this.#ackEveryFrames
    );
  }

  /** The sender may be waiting for exactly this before it can continue. */
  #acknowledgeSoon(): void {
    if (this.#ackTimer !== undefined || this.#doneSequence === this.#ackedSequence) return;
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = undefined;
      this.#acknowledge();
    }, ACK_AFTER_MS);
  }

  #finish(): void {
    this.#complete = true;
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#outage);
    this.#ackedBytes = this.#doneBytes;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const lane = this.#lanes.quietest();
    if (lane !== undefined) this.#sendLastAck(lane);
  }

  /** It counts the END frame too: the sender then knows that all was taken and agreed to. */
  #sendLastAck(lane: Lane): void {
    lane.link.send(bareFrame(FrameType.ACK, this.#doneSequence + 1, this.#doneBytes)).catch(() => undefined); // a sender that still waits for it opens a new lane
  }

  /** A lane is lost. After the end this has no effect. */
  #ended(lane: Lane, error: Error | undefined): void {
    if (this.#complete) {
      if (error !== undefined) this.#lanes.remove(lane, error);
      return;
    }
    if (this.#failure !== undefined) return;
    if (error === undefined) {
      const problem = `${lane.link.peer.address} closed a lane in the middle of a transfer`;
      this.#fail(new TunnelError('E_TUNNEL_LANE_LOST', problem));
    } else if (this.#reconnectMs > 0 && mayHeal(error)) {
      this.#drop(lane, error);
    } else {
      this.#fail(error);
    }
  }

  /** Goes on without this lane, for as long as it may. The ACK that was on it may be lost. */
  #drop(lane: Lane, error: Error): void {
    if (!this.#lanes.remove(lane, error) || this.#complete) return;
    if (this.#acking === lane) this.#acking = undefined;
    this.#ackedSequence = 0;
    if (this.#lanes.open > 0) {
      this.#acknowledge();
      return;
    }
    this.#outage ??= setTimeout(() => {
      this.#fail(connectionGone(this.#reconnectMs, error));
    }, this.#reconnectMs);
  }

  #fail(error: Error): void {
    // Once everything has been taken, how a lane ends does not matter any more.
    if (!this.#complete) this.#failure ??= error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#outage);
    this.#buffer.clear();
    this.#lanes.destroy(this.#failure ?? error);
    this.#changed.notifyAll();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
