import { ToolstackError } from '../../../errors/errors.js';
import { PAGE_BYTES } from '../../../savestream/layout.js';
import { MAX_KIB } from '../guest-shape.js';
import { pageType, storedType, type GuestMemory } from '../memory/guest-memory.js';

const KIB_PER_PAGE = PAGE_BYTES / 1024;
/** End of the frame numbers, so that no stream can make the types file excessively long. */
const FRAME_END = MAX_KIB / KIB_PER_PAGE;
/** Frames that a guest may have in addition to its memory: shared pages, a framebuffer, the firmware. */
const EXTRA_FRAMES = 8192 + 1024;
/** Pages that are written at once. */
const RUN_PAGES = 256;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/** Frames with content on disk, one bit each: other zero pages need not be written. */
class Touched {
  readonly #blocks = new Map<number, Uint8Array>();

  /** Marks the frame. @returns whether it was marked already */
  mark(pfn: number): boolean {
    const index = pfn >>> 15;
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = new Uint8Array(4096);
      this.#blocks.set(index, block);
    }
    const at = (pfn >>> 3) & 4095;
    const bit = 1 << (pfn & 7);
    const was = (block[at] & bit) !== 0;
    block[at] |= bit;
    return was;
  }

  has(pfn: number): boolean {
    const block = this.#blocks.get(pfn >>> 15);
    return block !== undefined && (block[(pfn >>> 3) & 4095] & (1 << (pfn & 7))) !== 0;
  }
}

/** Writes frames from a stream into a new guest's memory; neighbours together. */
export class MemoryWriter {
  readonly #memory: GuestMemory;
  readonly #maxFrames: number;
  readonly #touched = new Touched();
  readonly #seen = new Touched();
  readonly #run = Buffer.allocUnsafeSlow(RUN_PAGES * PAGE_BYTES);
  #first = 0;
  #count = 0;
  #frames = 0;
  #end = 0;

  /** @param maxMemoryKiB the domain's maximum */
  constructor(memory: GuestMemory, maxMemoryKiB: number) {
    this.#memory = memory;
    this.#maxFrames = Math.floor(maxMemoryKiB / KIB_PER_PAGE) + EXTRA_FRAMES;
  }

  /** The types of frames, before their contents. @throws ToolstackError E_TOOLSTACK_FRAME */
  types(pfns: Float64Array, types: Uint8Array, count: number): void {
    for (let at = 0; at < count;) {
      const first = pfns[at];
      let run = 1;
      while (at + run < count && pfns[at + run] === first + run) run += 1;
      this.#check(first + run - 1);
      const stored = Buffer.alloc(run);
      for (let index = 0; index < run; index += 1) {
        stored[index] = storedType(types[at + index]);
        this.#countFrame(first + index, stored[index]);
      }
      this.#memory.writeTypes(first, stored);
      this.#end = Math.max(this.#end, first + run);
      at += run;
    }
  }

  /** The content of a frame. */
  page(pfn: number, bytes: Uint8Array): void {
    if (!this.#touched.has(pfn) && ZERO_PAGE.equals(bytes)) return; // the file is sparse
    this.#touched.mark(pfn);
    if (this.#count === RUN_PAGES || pfn !== this.#first + this.#count) this.flush();
    if (this.#count === 0) this.#first = pfn;
    this.#run.set(bytes, this.#count * PAGE_BYTES);
    this.#count += 1;
  }

  flush(): void {
    if (this.#count > 0) this.#memory.write(this.#first, this.#run.subarray(0, this.#count * PAGE_BYTES));
    this.#count = 0;
  }

  /** At the end of the stream: the memory ends with its last frame. */
  finish(): void {
    this.flush();
    this.#memory.resize(this.#end);
  }

  #check(last: number): void {
    if (last < FRAME_END) return;
    throw new ToolstackError('E_TOOLSTACK_FRAME', `frame 0x${last.toString(16)} is beyond the limit of a guest`, {
      data: { pfn: last, end: FRAME_END },
    });
  }

  /** A frame that holds memory counts once, as populating it would in Xen. */
  #countFrame(pfn: number, stored: number): void {
    const type = pageType(stored);
    if (type === undefined || type >= 0xd || this.#seen.mark(pfn)) return;
    this.#frames += 1;
    if (this.#frames <= this.#maxFrames) return;
    throw new ToolstackError(
      'E_TOOLSTACK_NO_MEMORY',
      `the save stream has more memory than the domain may have: over ${this.#maxFrames} frames`,
      { hint: 'Use the definition that belongs to this stream.', data: { maxFrames: this.#maxFrames } },
    );
  }
}
