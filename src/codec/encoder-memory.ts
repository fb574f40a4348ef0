import { SLOT_BYTES } from '../buffers/slot-memory.js';
import { InvariantError } from '../errors/errors.js';

const WASM_PAGE_BYTES = 64 * 1024;
const MIB = 1024 * 1024;

/** Where the encoder keeps its own; below that is what WebAssembly's compiler may want. */
const WORK_AT = WASM_PAGE_BYTES;
/** Where the raw stream is read to. Room for one read, and for what is left of a page. */
const READ_AT = 3 * MIB;
const READ_BYTES = MIB;
const SLOTS_AT = READ_AT + READ_BYTES;

/**
 * One memory for all that an encoder touches: what it keeps, where the stream is read to, and its slots. Shared, so that threads which send a
 * batch read it where it was laid out. Its pages cost nothing until they are touched.
 */
export class EncoderMemory {
  readonly workAt = WORK_AT;
  readonly workBytes = READ_AT - WORK_AT;
  readonly readAt = READ_AT;
  readonly readBytes = READ_BYTES;

  private constructor(
    readonly slots: number,
    readonly buffer: SharedArrayBuffer,
    /** Absent where there is no WebAssembly. */
    readonly wasm: WebAssembly.Memory | undefined,
  ) {}

  static bytesFor(slots: number): number {
    return SLOTS_AT + slots * SLOT_BYTES;
  }

  /** Makes a memory with so many slots. */
  static create(slots: number): EncoderMemory {
    const bytes = EncoderMemory.bytesFor(slots);
    if (typeof WebAssembly === 'undefined') return new EncoderMemory(slots, new SharedArrayBuffer(bytes), undefined);
    const pages = bytes / WASM_PAGE_BYTES;
    return EncoderMemory.over(slots, new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  }

  /** The same memory in another thread. */
  static over(slots: number, memory: WebAssembly.Memory | SharedArrayBuffer): EncoderMemory {
    const buffer = memory instanceof SharedArrayBuffer ? memory : memory.buffer;
    if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength < EncoderMemory.bytesFor(slots)) {
      throw new InvariantError(`an encoder's memory of ${buffer.byteLength} bytes for ${slots} slots`);
    }
    return new EncoderMemory(slots, buffer, memory instanceof SharedArrayBuffer ? undefined : memory);
  }

  /** The address of a slot. */
  slotAt(slot: number): number {
    return SLOTS_AT + slot * SLOT_BYTES;
  }
}
