/** Slots come in powers of two, so that one fits the next payload too. */
const LEAST_SLOT_BYTES = 64 * 1024;

/** What is kept for later use: what one migration has under way at most. */
const KEEP_BYTES = 32 * 1024 * 1024;

/**
 * Memory for payloads, used again and again. Making it anew for each would cost more than filling it (where a page fault is dear, twenty
 * times as much), and leave the garbage collector hundreds of megabytes behind.
 */
export class SlotPool<Memory extends ArrayBufferLike> {
  readonly #free = new Map<number, Memory[]>();
  /** What was taken and has not come back. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  /**
   * @param make memory of so many bytes: shared, or of this thread
   * @param keepBytes most bytes kept for later use
   */
  constructor(
    private readonly make: (bytes: number) => Memory,
    private readonly keepBytes: number,
  ) {}

  /** Bytes that nobody uses now. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** So many bytes at the front of a slot, with whatever lay there. */
  take(bytes: number): Buffer {
    const size = slotBytes(bytes);
    const slot = this.#free.get(size)?.pop();
    if (slot !== undefined) this.#freeBytes -= size;
    const memory = slot ?? this.make(size);
    this.#lent.add(memory);
    return Buffer.from(memory, 0, bytes);
  }

  /** Whether this is the memory of a slot that was taken. */
  has(memory: ArrayBufferLike): memory is Memory {
    return this.#lent.has(memory);
  }

  /** Nobody uses this slot any more; another thread may have had it meanwhile. */
  give(slot: Memory): void {
    this.#lent.delete(slot);
    if (this.#freeBytes + slot.byteLength > this.keepBytes) return;
    const free = this.#free.get(slot.byteLength);
    if (free === undefined) this.#free.set(slot.byteLength, [slot]);
    else free.push(slot);
    this.#freeBytes += slot.byteLength;
  }

  /** The same for who has a view of it. What is no slot of this pool, or has come back already, is left alone. */
  giveBack({ buffer }: Uint8Array): void {
    if (this.has(buffer)) this.give(buffer);
  }
}

function slotBytes(bytes: number): number {
  let size = LEAST_SLOT_BYTES;
  while (size < bytes) size *= 2;
  return size;
}

/** This thread's own, for everything that a stream passes through: a process that stays has it warm for the next migration. */
export const threadSlots = new SlotPool<ArrayBuffer>((bytes) => new ArrayBuffer(bytes), KEEP_BYTES);
