import { threadSlots } from '../../buffers/slot-pool.js';
import { asError } from '../../errors/message-of.js';
import { Condition } from '../condition.js';
import { FrameLink } from '../frame-link.js';
import { FRAME_HEADER_BYTES, type Frame } from '../frame.js';
import type { Link } from '../link.js';
import type { KeepaliveOptions } from '../keepalive.js';
import { toThreadError, type FromThread, type ThreadFrame } from './thread-messages.js';

/** Received bytes that the main thread has not consumed yet: past this, the link is not read on. */
const AHEAD_BYTES = 1024 * 1024;

const NEVER = new AbortController().signal;

/** Tells the main thread; the buffers are handed over. */
export type Tell = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/** One link, in its thread: executes the main thread's messages, and sends received frames. */
export class WorkerLink {
  readonly #link: FrameLink;
  /** Requests are executed in their order. */
  #queue: Promise<void> = Promise.resolve();
  #aheadBytes = 0;
  readonly #consumed = new Condition();
  #over = false;

  constructor(
    private readonly id: number,
    link: Link,
    keepalive: KeepaliveOptions,
    private readonly tell: Tell,
  ) {
    this.#link = new FrameLink(link, keepalive);
    tell({ tell: 'linked', id, peer: link.peer });
  }

  /** The side that accepted: waits for the peer's OPEN, then reads on. */
  listen(): void {
    void this.#opened(this.#link.awaitOpen(NEVER));
  }

  /** The dialling side: sends OPEN, then reads. */
  open(payload: Uint8Array): void {
    void this.#opened(this.#link.open(payload, NEVER));
  }

  answer(payload: Uint8Array): void {
    this.#enqueue(() => this.#link.answer(payload));
  }

  refuse(reason: unknown): void {
    this.#enqueue(() => this.#link.refuse(reason));
  }

  send(frame: ThreadFrame): void {
    this.#enqueue(async () => {
      await this.#link.send(frame);
      this.tell({ tell: 'sent', id: this.id, bytes: frame.payload.length });
    });
  }

  /** The main thread has consumed bytes, and no longer uses these slots. */
  more(bytes: number, unused: readonly ArrayBuffer[]): void {
    for (const slot of unused) threadSlots.give(slot);
    this.#aheadBytes -= bytes;
    this.#consumed.notifyAll();
  }

  close(deadlineMs: number | undefined): void {
    this.#enqueue(() => this.#link.close(deadlineMs));
  }

  destroy(): void {
    this.#over = true;
    this.#consumed.notifyAll();
    this.#link.destroy();
  }

  /** Reports the failure of the link, if it has failed and that was not reported yet. */
  tellFailure(): void {
    if (this.#link.failure !== undefined) this.#fail(this.#link.failure);
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#fail(error);
    });
  }

  async #opened(opening: Promise<Uint8Array>): Promise<void> {
    try {
      const payload = await opening;
      this.tell({ tell: 'opened', id: this.id, payload });
      await this.#readOn();
      this.tell({ tell: 'bye', id: this.id });
    } catch (error) {
      this.#fail(error);
    }
  }

  async #readOn(): Promise<void> {
    for (;;) {
      while (this.#aheadBytes > AHEAD_BYTES && !this.#over) await this.#consumed.wait();
      const frame = await this.#link.receive();
      if (frame === undefined) return;
      this.#aheadBytes += FRAME_HEADER_BYTES + frame.payload.length;
      const { payload, transfer } = this.#handedOver(frame);
      const { type, sequence, offset } = frame;
      this.tell({ tell: 'frame', id: this.id, frame: { type, sequence, offset, payload } }, transfer);
    }
  }

  /** The payload in memory of its own, to be moved to the main thread: a slot of this thread, which is returned. */
  #handedOver({ payload }: Frame): { payload: Uint8Array; transfer: ArrayBuffer[] } {
    const { buffer } = payload;
    if (threadSlots.has(buffer)) return { payload, transfer: [buffer] };
    // A view into a larger buffer of the connection.
    const copy = Uint8Array.from(payload);
    return { payload: copy, transfer: [copy.buffer] };
  }

  #fail(error: unknown): void {
    if (!this.#over) this.tell({ tell: 'failed', id: this.id, error: toThreadError(this.#link.failure ?? error) });
    this.#over = true;
    this.#link.destroy(asError(error));
  }
}
