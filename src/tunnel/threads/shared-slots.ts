import { SlotPool } from './slot-pool.js';

/** Payloads in shared memory, each there until the far side has it and no thread reads it any more. */
export class SharedSlots {
  readonly #pool: SlotPool<SharedArrayBuffer>;
  readonly #holds = new Map<ArrayBufferLike, number>();

  /** @param keepBytes most bytes kept for later use */
  constructor(keepBytes: number) {
    this.#pool = new SlotPool((bytes) => new SharedArrayBuffer(bytes), keepBytes);
  }

  /** Bytes of all slots, in use or not. */
  get bytes(): number {
    let bytes = this.#pool.freeBytes;
    for (const slot of this.#holds.keys()) bytes += slot.byteLength;
    return bytes;
  }

  /** A copy in a slot, held once. */
  copy(bytes: Uint8Array): Uint8Array {
    const shared = this.#pool.take(bytes.byteLength);
    shared.set(bytes);
    this.#holds.set(shared.buffer, 1);
    return shared;
  }

  /** Somebody else needs the payload, too. What lies in no slot is nobody's concern here. */
  hold({ buffer }: Uint8Array): void {
    const holds = this.#holds.get(buffer);
    if (holds !== undefined) this.#holds.set(buffer, holds + 1);
  }

  /** One who needed it does not any more; after the last one the slot is free. */
  release({ buffer }: Uint8Array): void {
    const holds = this.#holds.get(buffer);
    if (holds === undefined) return;
    if (holds > 1) {
      this.#holds.set(buffer, holds - 1);
      return;
    }
    this.#holds.delete(buffer);
    if (buffer instanceof SharedArrayBuffer) this.#pool.give(buffer);
  }
}
