import { threadSlots } from '../buffers/slot-pool.js';
import { orAborted } from '../errors/deadline.js';
import { InvariantError, ProtocolError, TunnelError } from '../errors/errors.js';
import { asError } from '../errors/message-of.js';
import { Condition } from './condition.js';
import { FrameDecoder } from './frame-decoder.js';
import { FrameType, bareFrame, frameName, type Frame } from './frame.js';
import { FrameQueue } from './frame-queue.js';
import { FrameWriter } from './frame-writer.js';
import { Heartbeat } from './heartbeat.js';
import type { KeepaliveOptions } from './keepalive.js';
import type { FramedLink } from './lane-link.js';
import type { Link } from './link.js';
import type { PeerIdentity } from './peer-identity.js';
import { linkClosed, linkCut, linkLost, linkSilent } from './link-errors.js';
import { refusalOf, refusedError, refusedFrame } from './refusal.js';

/** How long a goodbye may take before the connection is cut. */
const CLOSE_MS = 5000;

/**
 * Frames over one authenticated link. Owns the link: it ends in `close` or `destroy`, or destroys
 * itself at the first failure. Each side's first frame is OPEN: `open` at the side that dialled,
 * `awaitOpen` and then `answer` or `refuse` at the other. PING, PONG and BYE never reach the reader.
 *
 *   dialled:  [new] -open-> OPEN -> (OPEN: open | REFUSED: failed)
 *   accepted: [new] -awaitOpen-> OPEN seen -answer-> open | -refuse-> closing
 *   both:     open -BYE sent or received-> closing -> closed; anything else ends it as failed
 */
export class FrameLink implements FramedLink {
  readonly peer: PeerIdentity;
  readonly #link: Link;
  readonly #decoder = new FrameDecoder();
  readonly #queue = new FrameQueue();
  readonly #arrived = new Condition();
  readonly #gone: Promise<void>;
  readonly #writer: FrameWriter;
  readonly #heartbeat: Heartbeat;
  #reading = false;
  #paused = false;
  #openSent = false;
  #openSeen = false;
  #byeSent = false;
  #byeSeen = false;
  #failure: Error | undefined;
  #receivedBytes = 0;

  /** Takes ownership of the link and reads from it at once, up to a bounded queue. */
  constructor(link: Link, options: KeepaliveOptions = {}) {
    this.peer = link.peer;
    this.#link = link;
    const { duplex } = link;
    this.#writer = new FrameWriter(duplex, () => {
      this.#heartbeat.heard();
    });
    this.#heartbeat = new Heartbeat(
      options,
      (sequence) => this.#ping(sequence),
      (forMs) => {
        this.#fail(linkSilent(this.peer.address, forMs));
      },
    );
    this.#gone = new Promise((resolve) => {
      if (duplex.closed) resolve();
      duplex.once('close', () => {
        this.#onEnd();
        resolve();
      });
    });
    duplex.on('error', (error: Error) => {
      this.#onError(error);
    });
    duplex.on('end', () => {
      this.#onEnd();
    });
    if (duplex.destroyed) {
      this.#onEnd();
      return;
    }
    duplex.on('data', (chunk: Buffer) => {
      this.#onData(chunk);
    });
  }

  /** Bytes written that the connection has not taken yet. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** Bytes of all frames sent, headers included. */
  get sentBytes(): number {
    return this.#writer.sentBytes;
  }

  /** Bytes received, headers included. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The last measured round trip; undefined before the first answer to a PING. */
  get rttMs(): number | undefined {
    return this.#heartbeat.rttMs;
  }

  /** What ended the link, if it did not end by goodbye. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Announces the purpose of this link and returns the peer's answer. Rejects with the peer's own reason as a
   * `TunnelError` when it refuses. Bounded by the signal.
   */
  async open(hello: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    this.#openSent = true;
    await orAborted(this.send({ type: FrameType.OPEN, sequence: 0, offset: 0, payload: hello }), signal);
    return this.awaitOpen(signal);
  }

  /** The peer's OPEN payload. Bounded by the signal. */
  async awaitOpen(signal: AbortSignal): Promise<Uint8Array> {
    const first = await this.receive(signal);
    if (first?.type === FrameType.OPEN) {
      this.#openSeen = true;
      this.#startKeepalive();
      return first.payload;
    }
    const got = first === undefined ? 'nothing' : frameName(first.type);
    throw new ProtocolError('E_PROTOCOL_FRAME_ORDER', `${this.peer.address}: expected OPEN, got ${got}`);
  }

  /** Accepts the link: the answer to the peer's OPEN. */
  async answer(payload: Uint8Array): Promise<void> {
    this.#openSent = true;
    this.#startKeepalive();
    await this.send({ type: FrameType.OPEN, sequence: 0, offset: 0, payload });
  }

  /**
   * Refuses the link with this error's code, message and hint, and ends it. A link that has been
   * answered can be refused no more: it is cut. Never rejects.
   */
  async refuse(reason: unknown): Promise<void> {
    if (this.#failure !== undefined || this.#byeSent) return;
    if (this.#openSent) {
      this.destroy(asError(reason));
      return;
    }
    this.#byeSent = true;
    this.#writer.write(refusedFrame(refusalOf(reason)));
    await this.#end();
  }

  /**
   * Sends one frame; the payload is handed over and must not change any more. Resolves once little
   * enough is waiting to be sent that more may be given; rejects when the link fails or has ended.
   */
  async send(frame: Frame): Promise<void> {
    this.#checkSendable();
    this.#writer.write(frame);
    await this.#writer.room(() => {
      this.#checkSendable();
    });
  }

  /**
   * The next frame, or undefined after the peer's BYE. Frames received before a failure are
   * returned first. One reader at a time.
   */
  async receive(signal?: AbortSignal): Promise<Frame | undefined> {
    if (this.#reading) throw new InvariantError('two readers on one link');
    this.#reading = true;
    try {
      while (this.#queue.empty) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#byeSeen || this.#byeSent) return undefined;
        const arrived = this.#arrived.wait();
        await (signal === undefined ? arrived : orAborted(arrived, signal));
      }
      return this.#take();
    } finally {
      this.#reading = false;
    }
  }

  /** The payload of a received frame is not used any more. */
  release(payload: Uint8Array): void {
    threadSlots.giveBack(payload);
  }

  /** Says goodbye and ends the connection, cutting it after `deadlineMs`. Never rejects. */
  async close(deadlineMs = CLOSE_MS): Promise<void> {
    if (!this.#openSent) {
      this.destroy();
    } else if (this.#failure === undefined && !this.#byeSent) {
      this.#sayBye();
    }
    await this.#end(deadlineMs);
  }

  /** Cuts the connection now; waiting callers get the error. */
  destroy(error?: Error): void {
    this.#fail(error ?? linkClosed(this.peer.address));
  }

  #startKeepalive(): void {
    if (this.#openSent && this.#openSeen && this.#failure === undefined) this.#heartbeat.start();
  }

  #ping(sequence: number): boolean {
    if (this.#paused) this.#heartbeat.heard(); // this side does not read
    if (this.#byeSent || this.#writer.isFull) return false; // the waiting data is probe enough
    this.#writer.write(bareFrame(FrameType.PING, sequence));
    return true;
  }

  #onData(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    this.#heartbeat.heard();
    // After our own BYE nothing is read any more; frames under way are dropped.
    if (this.#failure !== undefined || this.#byeSeen) return;
    const frames: Frame[] = [];
    let broken: Error | undefined;
    try {
      this.#decoder.push(chunk, frames);
    } catch (error) {
      broken = asError(error);
    }
    for (const frame of frames) this.#deliver(frame);
    if (broken !== undefined) this.#fail(broken);
    if (frames.length === 0) return; // most chunks are a part of a large frame
    if (this.#queue.full) {
      this.#paused = true;
      this.#link.duplex.pause();
    }
    this.#arrived.notifyAll();
  }

  #deliver(frame: Frame): void {
    switch (frame.type) {
      case FrameType.PING:
        // Answers are not queued for a peer that asks without reading.
        if (!this.#byeSent && !this.#writer.isFull) {
          this.#writer.write(bareFrame(FrameType.PONG, frame.sequence));
        }
        return;
      case FrameType.PONG:
        this.#heartbeat.pong(frame.sequence);
        return;
      case FrameType.BYE:
        this.#byeSeen = true;
        if (!this.#byeSent) this.#sayBye();
        this.#writer.finish();
        return;
      case FrameType.REFUSED:
        this.#fail(refusedError(frame.payload, this.peer.address));
        return;
      case FrameType.OPEN:
      case FrameType.MESSAGE:
      case FrameType.DATA:
      case FrameType.END:
      case FrameType.ACK:
        if (this.#byeSent) return;
        this.#queue.push(frame);
    }
  }

  #take(): Frame | undefined {
    const frame = this.#queue.take();
    if (this.#paused && this.#queue.empty) {
      this.#paused = false;
      this.#heartbeat.heard();
      this.#link.duplex.resume();
    }
    return frame;
  }

  #sayBye(): void {
    this.#byeSent = true;
    this.#writer.write(bareFrame(FrameType.BYE));
  }

  async #end(deadlineMs = CLOSE_MS): Promise<void> {
    this.#writer.finish();
    if (this.#paused) this.#link.duplex.resume();
    this.#arrived.notifyAll();
    const timer = setTimeout(() => {
      this.#link.duplex.destroy();
    }, deadlineMs);
    await this.#gone;
    clearTimeout(timer);
  }

  #onError(error: Error): void {
    if (this.#byeSent) return; // BYE was sent; how the connection then ends does not matter
    // The transport may have a better reason: ssh reports the end of the remote process.
    this.#fail(error instanceof TunnelError ? error : linkLost(this.peer.address, error));
  }

  #onEnd(): void {
    this.#heartbeat[Symbol.dispose]();
    if (this.#byeSeen || this.#byeSent) {
      this.#arrived.notifyAll();
      this.#writer.wake();
      return;
    }
    this.#fail(linkCut(this.peer.address, this.#decoder.midFrame));
  }

  #fail(error: Error): void {
    this.#heartbeat[Symbol.dispose]();
    if (this.#failure === undefined && !(this.#byeSeen && this.#byeSent)) this.#failure = error;
    this.#link.destroy();
    this.#arrived.notifyAll();
    this.#writer.wake();
  }

  #checkSendable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#byeSent) throw linkClosed(this.peer.address);
  }
}
