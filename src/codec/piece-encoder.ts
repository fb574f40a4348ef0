import { InvariantError } from '../errors/errors.js';
import { PAGE_BYTES } from '../savestream/layout.js';
import type { BatchEncoder } from './batch-encoder.js';
import type { EncoderMemory } from './encoder-memory.js';

/** One read takes at most this much: it is looked at, digested and copied while it is in the processor's cache. */
export const PIECE_BYTES = 256 * 1024;

/** A finished batch: so many bytes from the front of a slot. */
export interface SlotPayload {
  readonly slot: number;
  readonly payloadBytes: number;
  readonly rawBytes: number;
}

/** What is taken of the raw stream on its way, in order. */
export interface StreamTaker {
  /** Bytes that are not of a zero page; good until the call returns. */
  literal(bytes: Uint8Array): void;
  zeros(pages: number): void;
}

export interface PieceEncoderOptions {
  readonly encoder: BatchEncoder;
  readonly memory: EncoderMemory;
  /** A slot that the next batch may have. May wait; what it throws ends the stream. */
  readonly takeSlot: () => number;
  readonly taker: StreamTaker;
  readonly onBatch: (payload: SlotPayload) => void;
}

/** Feeds an encoder with the pieces in which a stream is read, and the digest with what the encoder has seen. Does no I/O itself. */
export class PieceEncoder {
  readonly #bytes: Buffer;
  /** Bytes of a page in part, at the front of the read area. */
  #held = 0;
  #slot: number | undefined;

  constructor(private readonly options: PieceEncoderOptions) {
    const { buffer, readAt, readBytes } = options.memory;
    if (readBytes < PIECE_BYTES + PAGE_BYTES) throw new InvariantError('no room for a piece');
    this.#bytes = Buffer.from(buffer, readAt, PIECE_BYTES + PAGE_BYTES);
  }

  /** Where the next piece of the stream goes: PIECE_BYTES at most. */
  get space(): Buffer {
    return this.#bytes.subarray(this.#held, this.#held + PIECE_BYTES);
  }

  /** Whether bytes wait for their batch to become full. */
  get hasPending(): boolean {
    return this.options.encoder.rawBytes > 0;
  }

  /** Takes so many bytes from the front of `space`. At the stream's END record the batch goes at once. */
  push(count: number): void {
    const { encoder } = this.options;
    const end = this.#held + count;
    const taken = this.#encodeAll(end, (from, to) => encoder.encode(from, to));
    this.#bytes.copyWithin(0, taken, end);
    this.#held = end - taken;
    if (encoder.atEnd) this.flush();
  }

  /** The stream is quiet: everything goes that is whole. What is left of a page waits for the rest, which its reader would wait for. */
  flush(): void {
    if (this.hasPending) this.#finish();
  }

  /** The stream has ended. */
  end(): void {
    const { encoder } = this.options;
    this.#encodeAll(this.#held, (from, to) => encoder.encodePart(from, to));
    this.#held = 0;
    this.flush();
  }

  /** Encodes from the front of the read area up to a place; returns how far that came. */
  #encodeAll(end: number, encode: (from: number, to: number) => number): number {
    const { encoder, memory } = this.options;
    let at = 0;
    while (at < end) {
      if (this.#slot === undefined) {
        this.#slot = this.options.takeSlot();
        encoder.begin(memory.slotAt(this.#slot));
      }
      const count = encode(memory.readAt + at, memory.readAt + end);
      this.#digest(at, at + count);
      at += count;
      if (!encoder.full) break;
      this.#finish();
    }
    return at;
  }

  #digest(from: number, to: number): void {
    const { encoder, memory, taker } = this.options;
    const { zeroRuns } = encoder;
    let at = from;
    for (let index = 0; index < zeroRuns.length; index += 2) {
      const zeroAt = zeroRuns[index] - memory.readAt;
      const pages = zeroRuns[index + 1];
      if (zeroAt > at) taker.literal(this.#bytes.subarray(at, zeroAt));
      taker.zeros(pages);
      at = zeroAt + pages * PAGE_BYTES;
    }
    if (to > at) taker.literal(this.#bytes.subarray(at, to));
  }

  #finish(): void {
    const slot = this.#slot;
    if (slot === undefined) throw new InvariantError('a batch without a slot');
    const { encoder, onBatch } = this.options;
    const { rawBytes } = encoder;
    this.#slot = undefined;
    onBatch({ slot, payloadBytes: encoder.finish(), rawBytes });
  }
}
