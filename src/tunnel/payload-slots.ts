import { SlotPool, threadSlots } from '../buffers/slot-pool.js';

/** A payload that is in use. */
interface Held {
  holds: number;
  /** Of the slot that it was copied to; 0 where its memory is its lender's. */
  readonly slotBytes: number;
  readonly giveBack: () => void;
}

/**
 * Payloads, each kept until the far side has it and no thread reads it any more. They are copied to slots, whose memory is
 * used again, or lent by their owner.
 */
export class PayloadSlots {
  /** Memory that other threads see. */
  readonly #shared: SlotPool<SharedArrayBuffer>;
  readonly #held = new Map<Uint8Array, Held>();

  /** @param keepBytes most bytes of shared memory kept for later use */
  constructor(keepBytes: number) {
    this.#shared = new SlotPool((bytes) => new SharedArrayBuffer(bytes), keepBytes);
  }

  /** Bytes of all slots in use, and of those for other threads that are not. */
  get bytes(): number {
    let bytes = this.#shared.freeBytes;
    for (const { slotBytes } of this.#held.values()) bytes += slotBytes;
    return bytes;
  }

  /** A copy in a slot, held once. @param shared whether a thread is to see it */
  copy(bytes: Uint8Array, shared: boolean): Uint8Array {
    const slot = (shared ? this.#shared : threadSlots).take(bytes.byteLength);
    slot.set(bytes);
    const { buffer } = slot;
    const giveBack = (): void => {
      if (buffer instanceof SharedArrayBuffer) this.#shared.give(buffer);
      else threadSlots.giveBack(slot);
    };
    this.#held.set(slot, { holds: 1, slotBytes: buffer.byteLength, giveBack });
    return slot;
  }

  /** Holds a payload once where it is. @param giveBack called when it is not used any more */
  lend(payload: Uint8Array, giveBack: () => void): void {
    this.#held.set(payload, { holds: 1, slotBytes: 0, giveBack });
  }

  /** Whether the payload is in memory of a lender's. */
  isLent(payload: Uint8Array): boolean {
    return this.#held.get(payload)?.slotBytes === 0;
  }

  /** The payload is needed once more. */
  hold(payload: Uint8Array): void {
    const held = this.#held.get(payload);
    if (held !== undefined) held.holds += 1;
  }

  /** One use of the payload has ended; after the last its memory is free. */
  release(payload: Uint8Array): void {
    const held = this.#held.get(payload);
    if (held === undefined) return;
    held.holds -= 1;
    if (held.holds > 0) return;
    this.#held.delete(payload);
    held.giveBack();
  }
}
