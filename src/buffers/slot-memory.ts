/** Bytes of a slot: 256 pages of 4096. */
export const SLOT_BYTES = 1024 * 1024;

const WASM_PAGE_BYTES = 64 * 1024;

/** A slot of a `SlotMemory`, by its number. */
export type Slot = number;

/**
 * Page-aligned slots in one shared memory, which threads fill and read in turn. Who has taken a slot owns it, in
 * whatever thread, until it is given back; only the thread that made this object takes and gives.
 */
export class SlotMemory {
  /** All slots, one after the other. Its memory is made when it is first touched. */
  readonly buffer: SharedArrayBuffer;
  readonly #free: Slot[] = [];
  readonly #taken = new Set<Slot>();

  /** @param count of slots */
  constructor(readonly count: number) {
    // A SharedArrayBuffer of its own is not aligned to pages; a WebAssembly memory always is.
    const pages = (count * SLOT_BYTES) / WASM_PAGE_BYTES;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.buffer = memory.buffer as SharedArrayBuffer;
    for (let slot = count - 1; slot >= 0; slot -= 1) this.#free.push(slot);
  }

  /** Slots that can be taken. */
  get free(): number {
    return this.#free.length;
  }

  /** The slot that came back last: its memory is the warmest. Undefined where all are taken. */
  take(): Slot | undefined {
    const slot = this.#free.pop();
    if (slot !== undefined) this.#taken.add(slot);
    return slot;
  }

  /** No thread uses it any more. One that is free already is left alone. */
  give(slot: Slot): void {
    if (this.#taken.delete(slot)) this.#free.push(slot);
  }

  /** The front of a slot. */
  view(slot: Slot, bytes: number = SLOT_BYTES): Buffer {
    return slotView(this.buffer, slot, bytes);
  }

  /** Which slot a view lies in; undefined where it lies in other memory. */
  slotOf(view: Uint8Array): Slot | undefined {
    return view.buffer === this.buffer ? Math.floor(view.byteOffset / SLOT_BYTES) : undefined;
  }
}

/** The front of a slot, for a thread that has the memory. */
export function slotView(memory: SharedArrayBuffer, slot: Slot, bytes: number = SLOT_BYTES): Buffer {
  return Buffer.from(memory, slot * SLOT_BYTES, bytes);
}
