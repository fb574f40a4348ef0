import type { Frame } from './frame.js';

/** Past either limit the link is not read any further until the queue is empty again. */
const MOST_FRAMES = 64;
const MOST_BYTES = 8 * 1024 * 1024;

/** Received frames that were not read yet. */
export class FrameQueue {
  readonly #frames: Frame[] = [];
  #bytes = 0;

  get empty(): boolean {
    return this.#frames.length === 0;
  }

  /** No more should be read for now. */
  get full(): boolean {
    return this.#frames.length > MOST_FRAMES || this.#bytes > MOST_BYTES;
  }

  push(frame: Frame): void {
    this.#frames.push(frame);
    this.#bytes += frame.payload.length;
  }

  take(): Frame | undefined {
    const frame = this.#frames.shift();
    this.#bytes -= frame?.payload.length ?? 0;
    return frame;
  }
}
