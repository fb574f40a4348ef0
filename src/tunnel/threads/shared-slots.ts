/** Slots come in powers of two, so that one fits the next payload too. */
const LEAST_SLOT_BYTES = 64 * 1024;

/**
 * Memory that all threads see, used again and again: payloads are copied into it once, and lie there until the far
 * side has them and no thread reads them any more. Making it anew for each payload would cost more than the copy,
 * and leave the garbage collector hundreds of megabytes behind.
 */
export class SharedSlots {
  readonly #free = new Map<number, SharedArrayBuffer[]>();
  readonly #holds = new Map<ArrayBufferLike, number>();
  #freeBytes = 0;

  /** @param keepBytes most bytes kept for later use */
  constructor(private readonly keepBytes: number) {}

  /** Bytes of all slots, in use or not. */
  get bytes(): number {
    let bytes = this.#freeBytes;
    for (const slot of this.#holds.keys()) bytes += slot.byteLength;
    return bytes;
  }

  /** A copy in a slot, held once. */
  copy(bytes: Uint8Array): Uint8Array {
    const size = slotBytes(bytes.byteLength);
    const slot = this.#free.get(size)?.pop();
    if (slot !== undefined) this.#freeBytes -= size;
    const shared = new Uint8Array(slot ?? new SharedArrayBuffer(size), 0, bytes.byteLength);
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
    if (!(buffer instanceof SharedArrayBuffer) || this.#freeBytes + buffer.byteLength > this.keepBytes) return;
    const free = this.#free.get(buffer.byteLength);
    if (free === undefined) this.#free.set(buffer.byteLength, [buffer]);
    else free.push(buffer);
    this.#freeBytes += buffer.byteLength;
  }
}

function slotBytes(bytes: number): number {
  let size = LEAST_SLOT_BYTES;
  while (size < bytes) size *= 2;
  return size;
}
