import { orAborted } from '../../errors/deadline.js';
import { InvariantError, TunnelError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { Condition } from '../condition.js';
import { FRAME_HEADER_BYTES, type Frame } from '../frame.js';
import type { FramedLink } from '../lane-link.js';
import { linkClosed } from '../link-errors.js';
import type { PeerIdentity } from '../peer-identity.js';
import { refusalOf } from '../refusal.js';
import { fromThreadError, type FromThread, type ToThread } from './thread-messages.js';

/** A sender waits while more than this is with the thread and not yet with the connection. */
const SEND_AHEAD_BYTES = 1024 * 1024;

/** Consumed bytes after which the thread is notified. */
const TELL_CONSUMED_BYTES = 256 * 1024;

/** How long a goodbye may take before the connection is cut; the thread keeps to the same. */
const CLOSE_MS = 5000;

/**
 * A link that another thread holds, as the main thread sees it. The same promises as `FrameLink`: who has it ends
 * it with `close` or `destroy`, or gets its failure from `receive` and `send`.
 */
export class LinkProxy implements FramedLink {
  readonly threaded = true;
  /** Resolves once the peer has authenticated; rejects if it did not. */
  readonly linked: Promise<void>;
  /** Resolves when its connection is closed. */
  readonly whenGone: Promise<void>;
  #settleLinked: (error?: Error) => void = () => undefined;
  #settleGone: () => void = () => undefined;
  #peer: PeerIdentity;
  onUnused: ((payload: Uint8Array) => void) | undefined;
  readonly #frames: Frame[] = [];
  /** Payloads given to the thread and not yet with the connection, in order. */
  readonly #inThread: Uint8Array[] = [];
  readonly #changed = new Condition();
  #opened: Uint8Array | undefined;
  #failure: Error | undefined;
  #byeSeen = false;
  #closing = false;
  #reading = false;
  #pendingBytes = 0;
  #unconsumed = 0;
  /** Free slots of received payloads, to be returned with the next message. */
  #unused: ArrayBuffer[] = [];
  #sentBytes = 0;
  #receivedBytes = 0;

  /**
   * @param peer who is expected there
   * @param post to the thread that holds it, about this link
   * @param as the peer's identity, instead of that in its certificate
   */
  constructor(
    private readonly id: number,
    peer: PeerIdentity,
    private readonly post: (message: ToThread, transfer?: ArrayBuffer[]) => void,
    private readonly as?: PeerIdentity,
  ) {
    this.#peer = peer;
    this.linked = new Promise((resolve, reject) => {
      this.#settleLinked = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    this.linked.catch(() => undefined); // `failure` reports it too
    this.whenGone = new Promise((resolve) => {
      this.#settleGone = resolve;
    });
  }

  get peer(): PeerIdentity {
    return this.#peer;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  open(hello: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    this.post({ do: 'open', id: this.id, payload: hello });
    return this.awaitOpen(signal);
  }

  async awaitOpen(signal: AbortSignal): Promise<Uint8Array> {
    while (this.#opened === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
      await orAborted(this.#changed.wait(), signal);
    }
    return this.#opened;
  }

  answer(payload: Uint8Array): Promise<void> {
    this.post({ do: 'answer', id: this.id, payload });
    return Promise.resolve();
  }

  async refuse(reason: unknown): Promise<void> {
    if (this.#failure !== undefined || this.#closing) return;
    this.#closing = true;
    this.post({ do: 'refuse', id: this.id, refusal: refusalOf(reason) });
    await this.#cutAfter(CLOSE_MS);
  }

  async send(frame: Frame): Promise<void> {
    this.#checkSendable();
    const { type, sequence, offset } = frame;
    const isShared = frame.payload.buffer instanceof SharedArrayBuffer;
    // Otherwise all of the memory behind the view would be copied.
    const payload = isShared ? frame.payload : Uint8Array.from(frame.payload);
    this.#pendingBytes += payload.length;
    this.#sentBytes += FRAME_HEADER_BYTES + payload.length;
    this.#inThread.push(payload);
    this.post({ do: 'send', id: this.id, frame: { type, sequence, offset, payload } });
    while (this.#pendingBytes > SEND_AHEAD_BYTES) {
      await this.#changed.wait();
      this.#checkSendable();
    }
  }

  async receive(signal?: AbortSignal): Promise<Frame | undefined> {
    if (this.#reading) throw new InvariantError('two readers on one link');
    this.#reading = true;
    try {
      for (;;) {
        const frame = this.#frames.shift();
        if (frame !== undefined) {
          this.#consumed(FRAME_HEADER_BYTES + frame.payload.length);
          return frame;
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#byeSeen || this.#closing) return undefined;
        const changed = this.#changed.wait();
        await (signal === undefined ? changed : orAborted(changed, signal));
      }
    } finally {
      this.#reading = false;
    }
  }

  release({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer) this.#unused.push(buffer);
  }

  async close(deadlineMs = CLOSE_MS): Promise<void> {
    if (!this.#closing && this.#failure === undefined) {
      this.#closing = true;
      this.post({ do: 'close', id: this.id, deadlineMs });
      this.#changed.notifyAll();
    }
    await this.#cutAfter(deadlineMs);
  }

  destroy(error?: Error): void {
    this.#fail(error ?? linkClosed(this.peer.address));
    this.post({ do: 'destroy', id: this.id });
  }

  /** Handles a message of its thread. */
  take(message: Extract<FromThread, { readonly id: number }>): void {
    switch (message.tell) {
      case 'linked':
        this.#peer = this.as ?? message.peer;
        this.#settleLinked();
        return;
      case 'opened':
        this.#opened = message.payload;
        break;
      case 'frame':
        this.#receivedBytes += FRAME_HEADER_BYTES + message.frame.payload.length;
        if (this.#failure !== undefined || this.#closing) return;
        this.#frames.push(message.frame);
        break;
      case 'sent':
        this.#pendingBytes -= message.bytes;
        this.#sent(1);
        break;
      case 'bye':
        this.#byeSeen = true;
        break;
      case 'failed':
        this.#fail(fromThreadError(message.error));
        break;
      case 'gone':
        if (!this.#byeSeen && !this.#closing) this.#fail(linkClosed(this.peer.address));
        this.#sent(this.#inThread.length);
        this.#settleGone();
    }
    this.#changed.notifyAll();
  }

  /** Its thread has ended. */
  lost(cause: unknown): void {
    this.#fail(
      new TunnelError('E_TUNNEL_LOST', `the thread of the connection to ${this.peer.address} ended`, { cause }),
    );
    this.#sent(this.#inThread.length);
    this.#settleGone();
  }

  /** The thread has finished its first `count` payloads. */
  #sent(count: number): void {
    for (const payload of this.#inThread.splice(0, count)) this.onUnused?.(payload);
  }

  #consumed(bytes: number): void {
    this.#unconsumed += bytes;
    if (this.#unconsumed < TELL_CONSUMED_BYTES) return;
    this.post({ do: 'more', id: this.id, bytes: this.#unconsumed, unused: this.#unused }, this.#unused);
    this.#unconsumed = 0;
    this.#unused = [];
  }

  #fail(error: Error): void {
    if (!this.#closing) this.#failure ??= asError(error);
    this.#settleLinked(error);
    this.#changed.notifyAll();
  }

  async #cutAfter(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.post({ do: 'destroy', id: this.id });
    }, deadlineMs);
    await this.whenGone;
    clearTimeout(timer);
  }

  #checkSendable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing || this.#byeSeen) throw linkClosed(this.peer.address);
  }
}
