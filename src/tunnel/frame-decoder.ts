import { threadSlots } from '../buffers/slot-pool.js';
import { ProtocolError } from '../errors/errors.js';
import {
  FRAME_HEADER_BYTES,
  FrameType,
  NO_PAYLOAD,
  checkPayload,
  decodeHeader,
  frameName,
  type Frame,
  type FrameHeader,
} from './frame.js';

/**
 * Frames out of bytes, however the bytes are cut. Holds at most one header and one payload, whose
 * length has been checked before its buffer was made. Bytes are given to it with `push`, or read into `room` and told with `fill`,
 * always the same of the two. After it has thrown it must not be used again.
 */
export class FrameDecoder {
  readonly #gatheredHeader = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFill = 0;
  #header: FrameHeader | undefined;
  #payload: Uint8Array | undefined;
  #payloadFill = 0;
  #received = 0;
  #frameStart = 0;
  #opened = false;

  /** Whether bytes of an unfinished frame are held: an end here is a truncation. */
  get midFrame(): boolean {
    return this.#headerFill > 0 || this.#header !== undefined;
  }

  /** @param take memory for the payload of a DATA frame, of exactly so many bytes; where absent, a slot of this thread's */
  constructor(private readonly take: (bytes: number) => Uint8Array = (bytes) => threadSlots.take(bytes)) {}

  /** Whether the payload of a DATA frame comes next: then `room` is large, as a rule. */
  get inData(): boolean {
    return this.#header?.type === FrameType.DATA;
  }

  /** Where the next bytes are to be read to: never empty, and never beyond the frame. */
  get room(): Uint8Array {
    if (this.#header === undefined) return this.#gatheredHeader.subarray(this.#headerFill);
    return this.#memoryFor(this.#header).subarray(this.#payloadFill);
  }

  /** So many bytes were read into `room`. Returns the frame that they complete. Throws `ProtocolError`. */
  fill(bytes: number): Frame | undefined {
    let header = this.#header;
    if (header === undefined) {
      if (this.#headerFill === 0) this.#frameStart = this.#received;
      this.#received += bytes;
      this.#headerFill += bytes;
      if (this.#headerFill < FRAME_HEADER_BYTES) return undefined;
      this.#headerFill = 0;
      header = this.#accept(this.#gatheredHeader);
      return header.payloadBytes === 0 ? this.#finish(header, NO_PAYLOAD) : undefined;
    }
    this.#received += bytes;
    this.#payloadFill += bytes;
    return this.#payloadFill < header.payloadBytes ? undefined : this.#finish(header, this.#memoryFor(header));
  }

  /**
   * Takes the next chunk (which must not change afterwards) and adds the frames it completes to the
   * list. Throws `ProtocolError` at the first error; the frames before it are in the list. A payload that lies in the chunk is
   * a view of it; otherwise its bytes are gathered once.
   */
  push(chunk: Buffer, frames: Frame[] = []): Frame[] {
    let at = 0;
    while (at < chunk.length) {
      at +=
        this.#header === undefined ? this.#takeHeader(chunk, at) : this.#takePayload(this.#header, chunk, at, frames);
      if (this.#header?.payloadBytes === 0) frames.push(this.#finish(this.#header, NO_PAYLOAD));
    }
    this.#received += chunk.length;
    return frames;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    if (this.#headerFill === 0) {
      this.#frameStart = this.#received + at;
      if (chunk.length - at >= FRAME_HEADER_BYTES) {
        this.#accept(chunk.subarray(at, at + FRAME_HEADER_BYTES));
        return FRAME_HEADER_BYTES;
      }
    }
    const take = Math.min(FRAME_HEADER_BYTES - this.#headerFill, chunk.length - at);
    chunk.copy(this.#gatheredHeader, this.#headerFill, at, at + take);
    this.#headerFill += take;
    if (this.#headerFill === FRAME_HEADER_BYTES) {
      this.#headerFill = 0;
      this.#accept(this.#gatheredHeader);
    }
    return take;
  }

  #accept(bytes: Buffer): FrameHeader {
    const header = decodeHeader(bytes, this.#frameStart);
    // Before its first frame a link has no purpose yet, so no large payload may be announced on it.
    const opens = header.type === FrameType.OPEN || header.type === FrameType.REFUSED;
    if (opens === this.#opened) {
      const name = frameName(header.type);
      const problem = this.#opened ? `a second opening frame (${name})` : `${name} before the opening frame`;
      throw new ProtocolError('E_PROTOCOL_FRAME_ORDER', `frame at byte ${this.#frameStart}: ${problem}`, {
        hint: 'The far end breaks the protocol: compare the versions of xenferry on both hosts.',
        data: { at: this.#frameStart, type: header.type },
      });
    }
    this.#opened = true;
    this.#header = header;
    return header;
  }

  #takePayload(header: FrameHeader, chunk: Buffer, at: number, frames: Frame[]): number {
    const available = chunk.length - at;
    if (this.#payload === undefined && available >= header.payloadBytes) {
      frames.push(this.#finish(header, chunk.subarray(at, at + header.payloadBytes)));
      return header.payloadBytes;
    }
    const payload = this.#memoryFor(header);
    const take = Math.min(header.payloadBytes - this.#payloadFill, available);
    chunk.copy(payload, this.#payloadFill, at, at + take);
    this.#payloadFill += take;
    if (this.#payloadFill === header.payloadBytes) frames.push(this.#finish(header, payload));
    return take;
  }

  #memoryFor({ type, payloadBytes }: FrameHeader): Uint8Array {
    this.#payload ??= type === FrameType.DATA ? this.take(payloadBytes) : Buffer.allocUnsafeSlow(payloadBytes);
    return this.#payload;
  }

  #finish(header: FrameHeader, payload: Uint8Array): Frame {
    if (payload.length > 0) checkPayload(header, payload, this.#frameStart);
    this.#header = undefined;
    this.#payload = undefined;
    this.#payloadFill = 0;
    const { type, sequence, offset } = header;
    return { type, sequence, offset, payload };
  }
}
