/** Slot sizes are powers of two, so that a slot fits the next payload too. */
const LEAST_SLOT_BYTES = 64 * 1024;

/** Most memory kept for reuse: the most that one migration has in use. */
const KEEP_BYTES = 32 * 1024 * 1024;

/**
 * Reusable memory for payloads. Allocating it for each would cost more than filling it (where a page fault is
 * expensive, twenty times as much), and leave hundreds of megabytes to the garbage collector.
 */
export class SlotPool<Memory extends ArrayBufferLike> {
  readonly #free = new Map<number, Memory[]>();
  /** Slots that were taken and not returned yet. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  /**
   * @param make memory of so many bytes: shared, or of this thread
   * @param keepBytes most bytes kept for reuse
   */
  constructor(
    private readonly make: (bytes: number) => Memory,
    private readonly keepBytes: number,
  ) {}

  /** Bytes that are free now. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** The first `bytes` of a slot, with its previous contents. */
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

  /** Returns a slot that is no longer used; another thread may have had it meanwhile. */
  give(slot: Memory): void {
    this.#lent.delete(slot);
    if (this.#freeBytes + slot.byteLength > this.keepBytes) return;
    const free = this.#free.get(slot.byteLength);
    if (free === undefined) this.#free.set(slot.byteLength, [slot]);
    else free.push(slot);
    this.#freeBytes += slot.byteLength;
  }

  /** Returns the slot under a view. A view of other memory, or of a slot that was returned already, is ignored. */
  giveBack({ buffer }: Uint8Array): void {
    if (this.has(buffer)) this.give(buffer);
  }
}

function slotBytes(bytes: number): number {
  let size = LEAST_SLOT_BYTES;
  while (size < bytes) size *= 2;
  return size;
}

/**
 * The pool of this thread, for everything that a stream passes through: a daemon has it warm for the next migration.
 */
export const threadSlots = new SlotPool<ArrayBuffer>((bytes) => new ArrayBuffer(bytes), KEEP_BYTES);
