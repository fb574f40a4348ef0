import { SlotPool, threadSlots } from '../buffers/slot-pool.js';

/** Copies of payloads, each there until the far side has it and no thread reads it any more; their memory is used again. */
export class PayloadSlots {
  /** Memory that other threads see. */
  readonly #shared: SlotPool<SharedArrayBuffer>;
  readonly #holds = new Map<ArrayBufferLike, number>();

  /** @param keepBytes most bytes of shared memory kept for later use */
  constructor(keepBytes: number) {
    this.#shared = new SlotPool((bytes) => new SharedArrayBuffer(bytes), keepBytes);
  }

  /** Bytes of all slots in use, and of those for other threads that are not. */
  get bytes(): number {
    let bytes = this.#shared.freeBytes;
    for (const slot of this.#holds.keys()) bytes += slot.byteLength;
    return bytes;
  }

  /** A copy in a slot, held once. @param shared whether a thread is to see it */
  copy(bytes: Uint8Array, shared: boolean): Uint8Array {
    const slot = (shared ? this.#shared : threadSlots).take(bytes.byteLength);
    slot.set(bytes);
    this.#holds.set(slot.buffer, 1);
    return slot;
  }

  /** Somebody else needs the payload, too. */
  hold({ buffer }: Uint8Array): void {
    const holds = this.#holds.get(buffer);
    if (holds !== undefined) this.#holds.set(buffer, holds + 1);
  }

  /** One who needed it does not any more; after the last one the slot is free. */
  release(payload: Uint8Array): void {
    const { buffer } = payload;
    const holds = this.#holds.get(buffer);
    if (holds === undefined) return;
    if (holds > 1) {
      this.#holds.set(buffer, holds - 1);
      return;
    }
    this.#holds.delete(buffer);
    if (buffer instanceof SharedArrayBuffer) this.#shared.give(buffer);
    else threadSlots.giveBack(payload);
  }
}
