import { threadSlots } from '../../buffers/slot-pool.js';
import { InvariantError } from '../../errors/errors.js';
import { asError } from '../../errors/message-of.js';
import { POLLIN, POLLOUT } from '../../posix/poll-set.js';
import { ENDED, NOTHING_YET, type TlsSession } from '../../posix/tls/tls-session.js';
import { FrameDecoder } from '../frame-decoder.js';
import { FRAME_HEADER_BYTES, FrameType, bareFrame, type Frame } from '../frame.js';
import { Looks, type KeepaliveOptions } from '../keepalive.js';
import { linkClosed, linkCut, linkLost, linkSilent } from '../link-errors.js';
import type { PeerIdentity } from '../peer-identity.js';
import { refusalOf, refusedError, refusedFrame } from '../refusal.js';
import type { Attended } from './attended.js';
import { Outbox } from './outbox.js';
import { toThreadError, type FromThread, type ThreadFrame } from './thread-messages.js';

/** Records of a lane are read up to so many bytes at a time. */
const READ_BYTES = 128 * 1024;
/** What one turn may read. */
const TURN_BYTES = 1024 * 1024;
/** Received and not yet consumed by the main thread, headers included: past this, the link is not read on. */
const AHEAD_BYTES = 8 * 1024 * 1024;
/** How long a goodbye may take before the connection is cut. */
const CLOSE_MS = 5000;

const DISCARDED = new Uint8Array(16 * 1024);

/** Tells the main thread; the buffers are handed over. */
export type Tell = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/**
 * A link in a thread of its own loop: frames over a TLS session, by orders of the main thread, with messages to it. The same
 * rules as `FrameLink`, without streams and without waiting: payloads are decrypted where they stay, and encrypted where they lie.
 * Owns the session.
 *
 *   open -BYE sent or received, or REFUSED sent-> ending -all written and the peer's end seen, or the deadline-> gone
 *   any failure, or `destroy`-> gone
 */
export class SecureLink implements Attended {
  readonly #decoder = new FrameDecoder();
  readonly #outbox = new Outbox();
  readonly #looks: Looks;
  #lookAt = Infinity;
  #cutAt = Infinity;
  #canRead = true;
  #canWrite = true;
  #readEnded = false;
  /** Nothing more is written: close_notify and FIN are out. */
  #writeEnded = false;
  #openSent = false;
  #openSeen = false;
  #byeSent = false;
  /** The reason of a failure is reported once; not at all if the main thread has ended the link. */
  #failureTold = false;
  #gone = false;
  #aheadBytes = 0;
  /** What may still come after our goodbye. */
  #discardable = Infinity;

  /**
   * @param session after its handshake; taken over
   * @param onGone called once, when it is closed
   */
  constructor(
    private readonly id: number,
    private readonly session: TlsSession,
    private readonly peer: PeerIdentity,
    keepalive: KeepaliveOptions,
    private readonly tell: Tell,
    private readonly onGone: () => void,
  ) {
    this.#looks = new Looks(keepalive);
  }

  get fd(): number {
    return this.#gone ? -1 : this.session.fd;
  }

  get awaits(): number {
    const reads = this.#wantsRead && !this.#canRead ? this.session.readAwaits : 0;
    const writes = this.#wantsWrite && !this.#canWrite ? this.session.writeAwaits : 0;
    return reads | writes;
  }

  get busy(): boolean {
    return (this.#wantsRead && this.#canRead) || (this.#wantsWrite && this.#canWrite);
  }

  get due(): number {
    return Math.min(this.#lookAt, this.#cutAt);
  }

  /** Tells who is there. Call it before anything else, where the peer gets in. */
  start(): void {
    this.tell({ tell: 'linked', id: this.id, peer: this.peer });
  }

  open(payload: Uint8Array): void {
    this.#openSent = true;
    this.#send({ type: FrameType.OPEN, sequence: 0, offset: 0, payload });
    this.#startKeepalive();
  }

  answer(payload: Uint8Array): void {
    this.open(payload);
  }

  /** Says why the link is refused, and ends it. One that was answered can be refused no more: it is cut. */
  refuse(reason: unknown, { discardBytes = Infinity, deadlineMs = CLOSE_MS } = {}): void {
    if (this.#gone || this.#byeSent) return;
    if (this.#openSent) {
      this.#fail(asError(reason));
      return;
    }
    this.#byeSent = true;
    this.#discardable = discardBytes;
    this.#outbox.add(refusedFrame(refusalOf(reason)));
    this.#end(deadlineMs);
  }

  /** The payload may be used again once `sent` is reported to the main thread. */
  send({ type, sequence, offset, payload }: ThreadFrame): void {
    const bytes = payload.length;
    this.#send({ type, sequence, offset, payload }, () => {
      this.tell({ tell: 'sent', id: this.id, bytes });
    });
  }

  /** The main thread has consumed bytes, and no longer uses these slots. */
  more(bytes: number, unused: readonly ArrayBuffer[]): void {
    for (const slot of unused) threadSlots.give(slot);
    this.#aheadBytes -= bytes;
    this.#looks.heard(); // it was we who did not read
  }

  close(deadlineMs = CLOSE_MS): void {
    if (this.#gone) return;
    if (!this.#openSent) {
      this.destroy();
      return;
    }
    if (!this.#byeSent) this.#sayBye();
    this.#end(deadlineMs);
  }

  /** Cuts it now. The main thread knows why. */
  destroy(): void {
    this.#failureTold = true;
    this.#fail(linkClosed(this.peer.address));
  }

  abandon(): void {
    this.#gone = true;
    this.session.close();
  }

  turn(events: number, now: number): void {
    if (this.#gone || (events === 0 && !this.busy && now < this.due)) return;
    const { readAwaits, writeAwaits } = this.session;
    const trouble = events & ~(POLLIN | POLLOUT); // it shows in whatever is tried next
    if (!this.#canWrite && (events & POLLOUT) !== 0) this.#looks.heard(); // the far side takes some
    if (trouble !== 0 || (events & readAwaits) !== 0) this.#canRead = true;
    if (trouble !== 0 || (events & writeAwaits) !== 0) this.#canWrite = true;
    this.session.begin();
    try {
      this.#write();
      this.#read();
      this.#write();
    } catch (error) {
      this.#broken(asError(error));
    }
    if (this.fd >= 0) this.#lookAtTime(now);
  }

  get #wantsRead(): boolean {
    return !this.#readEnded && (this.#byeSent || this.#aheadBytes <= AHEAD_BYTES);
  }

  get #wantsWrite(): boolean {
    return !this.#writeEnded && (!this.#outbox.isEmpty || this.#byeSent);
  }

  #send(frame: Frame, onTaken?: () => void): void {
    if (this.#gone || this.#byeSent) return; // its end is reported
    this.#outbox.add(frame, onTaken);
  }

  #write(): void {
    if (this.fd < 0 || !this.#canWrite || !this.#wantsWrite) return;
    const written = this.#outbox.writeTo(this.session);
    if (written === 'blocked') this.#canWrite = false;
    if (written !== 'done' || !this.#byeSent) return;
    if (this.session.end()) this.#writeEnded = true;
    else this.#canWrite = false;
    this.#closeWhenDone();
  }

  #read(): void {
    let left = TURN_BYTES;
    while (left > 0 && this.fd >= 0 && this.#wantsRead && this.#canRead) {
      if (this.#decoder.inData) this.session.bufferReads(READ_BYTES);
      const into = this.#byeSent ? DISCARDED : this.#decoder.room;
      const bytes = this.session.read(into);
      if (bytes === NOTHING_YET) {
        this.#canRead = this.session.hasBuffered;
        return;
      }
      if (bytes === ENDED) {
        this.#ended();
        return;
      }
      this.#looks.heard();
      left -= bytes;
      if (this.#byeSent) {
        this.#discardable -= bytes;
        if (this.#discardable < 0) this.#leave();
        continue;
      }
      const frame = this.#decoder.fill(bytes);
      if (frame !== undefined) this.#deliver(frame);
    }
  }

  #deliver(frame: Frame): void {
    switch (frame.type) {
      case FrameType.PING:
        // Answers are not queued for a peer that asks without reading.
        if (!this.#outbox.isFull) this.#outbox.add(bareFrame(FrameType.PONG, frame.sequence));
        return;
      case FrameType.PONG:
        return;
      case FrameType.BYE:
        this.tell({ tell: 'bye', id: this.id });
        this.#sayBye();
        this.#end(CLOSE_MS);
        return;
      case FrameType.REFUSED:
        this.#fail(refusedError(frame.payload, this.peer.address));
        return;
      case FrameType.OPEN:
        this.#openSeen = true;
        this.#startKeepalive();
        this.tell({ tell: 'opened', id: this.id, payload: frame.payload });
        return;
      case FrameType.MESSAGE:
      case FrameType.DATA:
      case FrameType.END:
      case FrameType.ACK:
        this.#pass(frame);
    }
  }

  #pass({ type, sequence, offset, payload }: Frame): void {
    this.#aheadBytes += FRAME_HEADER_BYTES + payload.length;
    const { buffer } = payload;
    if (payload.length > 0 && !(buffer instanceof ArrayBuffer))
      throw new InvariantError('a payload that cannot be moved');
    const transfer = payload.length > 0 && buffer instanceof ArrayBuffer ? [buffer] : [];
    this.tell({ tell: 'frame', id: this.id, frame: { type, sequence, offset, payload } }, transfer);
  }

  #startKeepalive(): void {
    const { everyMs } = this.#looks;
    if (this.#openSent && this.#openSeen && everyMs !== undefined) this.#lookAt = performance.now() + everyMs;
  }

  #lookAtTime(now: number): void {
    if (now >= this.#cutAt) {
      this.#leave();
      return;
    }
    if (now < this.#lookAt) return;
    this.#lookAt = now + (this.#looks.everyMs ?? Infinity);
    if (!this.#wantsRead) this.#looks.heard(); // this side does not read
    // What waits to be sent is sign enough.
    if (!this.#byeSent && !this.#outbox.isFull) this.#outbox.add(bareFrame(FrameType.PING, 1));
    const forMs = this.#looks.look();
    if (forMs !== undefined) this.#fail(linkSilent(this.peer.address, forMs));
  }

  #sayBye(): void {
    if (this.#byeSent) return;
    this.#byeSent = true;
    this.#outbox.add(bareFrame(FrameType.BYE));
  }

  #end(deadlineMs: number): void {
    this.#lookAt = Infinity;
    this.#cutAt = Math.min(this.#cutAt, performance.now() + deadlineMs);
  }

  /** The peer's end of the stream. */
  #ended(): void {
    this.#readEnded = true;
    if (this.#byeSent) this.#closeWhenDone();
    else this.#fail(linkCut(this.peer.address, this.#decoder.midFrame));
  }

  #broken(error: Error): void {
    // Once the goodbye is said, how the connection then ends does not matter.
    if (this.#byeSent) this.#leave();
    else this.#fail('code' in error && isOurs(error) ? error : linkLost(this.peer.address, error));
  }

  #fail(error: Error): void {
    if (this.#gone) return;
    if (!this.#failureTold) this.tell({ tell: 'failed', id: this.id, error: toThreadError(error) });
    this.#failureTold = true;
    this.#leave();
  }

  #closeWhenDone(): void {
    if (this.#readEnded && this.#writeEnded) this.#leave();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#outbox.clear();
    this.session.close();
    this.onGone();
  }
}

/** What our own code has found wrong, and not the connection. */
function isOurs(error: Error & { readonly code: unknown }): boolean {
  return typeof error.code === 'string' && error.code.startsWith('E_');
}
