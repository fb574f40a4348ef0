import type { Duplex } from 'node:stream';
import { Condition } from './condition.js';
import { FRAME_HEADER_BYTES, encodeHeader, type Frame } from './frame.js';

/** A sender waits while more than this is written and not yet taken by the kernel: a small multiple of a chunk. */
const SEND_AHEAD_BYTES = 512 * 1024;

/** The sending half of a link: puts frames on the connection, counts them, and knows when there is room for more. */
export class FrameWriter {
  readonly #duplex: Duplex;
  readonly #onProgress: () => void;
  readonly #changed = new Condition();
  #sentBytes = 0;

  /** @param onProgress called when the kernel has taken data that had to wait for room: the far side takes some */
  constructor(duplex: Duplex, onProgress: () => void) {
    this.#duplex = duplex;
    this.#onProgress = onProgress;
  }

  /** Bytes written that the connection has not taken yet. */
  get pendingBytes(): number {
    return this.#duplex.writableLength;
  }

  /** Bytes of all frames, headers included. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** More waits than should: who can, holds back. */
  get isFull(): boolean {
    return this.pendingBytes > SEND_AHEAD_BYTES;
  }

  /** The payload is handed over and must not change any more. */
  write(frame: Frame): void {
    const header = encodeHeader(frame);
    this.#sentBytes += FRAME_HEADER_BYTES + frame.payload.length;
    if (frame.payload.length === 0) {
      this.#duplex.write(header, () => {
        this.#changed.notifyAll();
      });
      return;
    }
    this.#duplex.cork();
    this.#duplex.write(header);
    this.#duplex.write(frame.payload, () => {
      if (waited) this.#onProgress();
      this.#changed.notifyAll();
    });
    this.#duplex.uncork();
    const waited = this.isFull;
  }

  /** Resolves when the queue is short enough; `check` is called after each change, and throws the error that ended the link. */
  async room(check: () => void): Promise<void> {
    while (this.isFull) {
      await this.#changed.wait();
      check();
    }
  }

  /** Wakes waiting writers: the state of the link has changed. */
  wake(): void {
    this.#changed.notifyAll();
  }

  /** Ends writing: the far side sees the end after the last frame. */
  finish(): void {
    if (!this.#duplex.writableEnded) this.#duplex.end();
  }
}
