import type { ErrorCode } from '../errors/codes.js';
import { ProtocolError } from '../errors/errors.js';
import type { Frame } from './frame.js';
import { WINDOW_FRAMES } from './window.js';

/**
 * Puts frames from several lanes back in order. Holds no more than a window: a sender that does not
 * keep to it, repeats a frame or lies about an offset gets a `ProtocolError`.
 */
export class ReorderBuffer {
  readonly #windowBytes: number;
  #windowFrames = WINDOW_FRAMES;
  readonly #waiting = new Map<number, Frame>();
  #heldBytes = 0;
  #nextSequence = 0;
  #nextOffset = 0;
  #ackedSequence = 0;
  #ackedOffset = 0;
  #end: Frame | undefined;

  /** @param repeats whether frames may arrive again, as after the replacement of a lost lane */
  constructor(
    windowBytes: number,
    private readonly repeats = false,
  ) {
    this.#windowBytes = windowBytes;
  }

  /** Not more than so many frames may be under way, from now on. */
  limitFrames(frames: number): void {
    this.#windowFrames = Math.min(WINDOW_FRAMES, frames);
  }

  /** Bytes that wait here for their turn or for the consumer. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Bytes taken in order so far. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** True once everything up to the END frame has been taken. */
  get complete(): boolean {
    return this.#end?.sequence === this.#nextSequence;
  }

  /** Keeps a DATA frame until its turn. False if it had arrived before. */
  insert(frame: Frame): boolean {
    const { sequence, offset, payload } = frame;
    if (sequence < this.#nextSequence || this.#waiting.has(sequence)) {
      if (this.repeats) return false;
      throw wrong('E_PROTOCOL_LANES_DUPLICATE', `DATA frame ${sequence} came twice`, { sequence });
    }
    if (this.#end !== undefined && sequence >= this.#end.sequence) {
      throw wrong('E_PROTOCOL_LANES_TOTAL', `DATA frame ${sequence} comes after the end at ${this.#end.sequence}`, {
        sequence,
      });
    }
    const pastWindow =
      sequence - this.#ackedSequence >= this.#windowFrames ||
      offset + payload.length - this.#ackedOffset > this.#windowBytes ||
      this.#heldBytes + payload.length > this.#windowBytes;
    if (pastWindow) {
      throw wrong(
        'E_PROTOCOL_LANES_WINDOW',
        `DATA frame ${sequence} at offset ${offset} is past the window of ${this.#windowBytes} bytes and ${this.#windowFrames} frames`,
        {
          sequence,
          offset,
          windowBytes: this.#windowBytes,
          ackedBytes: this.#ackedOffset,
        },
      );
    }
    this.#waiting.set(sequence, frame);
    this.#heldBytes += payload.length;
    return true;
  }

  /** Notes the END frame. */
  finish(end: Frame): void {
    if (this.repeats && this.#end?.sequence === end.sequence && this.#end.offset === end.offset) return;
    const last = Math.max(this.#nextSequence - 1, ...this.#waiting.keys());
    if (this.#end !== undefined || end.sequence <= last || end.sequence - this.#ackedSequence > this.#windowFrames) {
      throw wrong('E_PROTOCOL_LANES_TOTAL', `END at ${end.sequence} frames does not fit what came before it`, {
        sequence: end.sequence,
      });
    }
    this.#end = end;
    this.#checkTotal();
  }

  /** The next payload in order, if it is there. */
  take(): Uint8Array | undefined {
    const frame = this.#waiting.get(this.#nextSequence);
    if (frame === undefined) return undefined;
    if (frame.offset !== this.#nextOffset) {
      throw wrong(
        'E_PROTOCOL_LANES_OFFSET',
        `DATA frame ${frame.sequence} says offset ${frame.offset}, but ${this.#nextOffset} bytes came`,
        {
          sequence: frame.sequence,
          expected: this.#nextOffset,
          got: frame.offset,
        },
      );
    }
    this.#waiting.delete(this.#nextSequence);
    this.#heldBytes -= frame.payload.length;
    this.#nextSequence += 1;
    this.#nextOffset += frame.payload.length;
    this.#checkTotal();
    return frame.payload;
  }

  /** So much has been acknowledged: the window moves on. */
  acknowledge(sequence: number, bytes: number): void {
    this.#ackedSequence = sequence;
    this.#ackedOffset = bytes;
  }

  clear(): void {
    this.#waiting.clear();
    this.#heldBytes = 0;
  }

  #checkTotal(): void {
    if (this.#end === undefined || !this.complete || this.#end.offset === this.#nextOffset) return;
    throw wrong('E_PROTOCOL_LANES_TOTAL', `the sender counts ${this.#end.offset} bytes, but ${this.#nextOffset} came`, {
      expected: this.#end.offset,
      got: this.#nextOffset,
    });
  }
}

function wrong(code: ErrorCode, message: string, data: Record<string, number>): ProtocolError {
  return new ProtocolError(code, message, {
    hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
    data,
  });
}
