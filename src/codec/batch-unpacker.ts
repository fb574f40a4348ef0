import { slotView, type Slot } from '../buffers/slot-memory.js';
import { batchError, BodyKind, bodyBytes, decodeTrailer, TRAILER_BYTES } from './batch.js';
import type { BatchInSlot } from './batch-decoder.js';
import { ZstdDecompressor } from './zstd.js';

/** A batch in its slot, plain. */
export interface ReceivedBatch extends BatchInSlot {
  readonly slot: Slot;
}

/** Reads batches as they were received, and unpacks those that are packed, in this thread: from their slot into a spare one, in turn. */
export class BatchUnpacker implements Disposable {
  #spare: Slot;
  #zstd: ZstdDecompressor | undefined;
  #number = 0;
  #spentMs = 0;

  /**
   * @param memory of the slots
   * @param spare a slot without another user
   * @param packed whether it was agreed that batches may be packed
   */
  constructor(
    private readonly memory: SharedArrayBuffer,
    spare: Slot,
    private readonly packed: boolean,
  ) {
    this.#spare = spare;
  }

  /** Time in zstd so far, in ms. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /**
   * The next batch. Takes the slot over: the batch may lie in another one.
   * @param bytes of the batch as it was sent, at the slot's front
   * @throws ProtocolError `E_PROTOCOL_BATCH`, `E_PROTOCOL_ZSTD`
   */
  read(slot: Slot, bytes: number): ReceivedBatch {
    const number = this.#number;
    this.#number += 1;
    const payload = slotView(this.memory, slot, bytes);
    const trailer = decodeTrailer(payload, number);
    if (trailer.kind === BodyKind.PLAIN) return { slot, memory: slotView(this.memory, slot), trailer, number };
    if (!this.packed) throw batchError(number, 'it is packed, and nothing packed was agreed on');
    const since = performance.now();
    this.#zstd ??= new ZstdDecompressor();
    const unpacked = this.#spare;
    const into = slotView(this.memory, unpacked, bodyBytes(trailer));
    this.#zstd.decompress(payload.subarray(0, bytes - TRAILER_BYTES), into);
    this.#spare = slot;
    this.#spentMs += performance.now() - since;
    return { slot: unpacked, memory: slotView(this.memory, unpacked), trailer, number };
  }

  [Symbol.dispose](): void {
    this.#zstd?.[Symbol.dispose]();
  }
}
