const CHUNK_FRAMES = 32_768;
/** Bitmaps of 4 KiB: 64 MiB of them, for 2 TiB of guest memory in one piece. */
const MAX_CHUNKS = 16_384;

/** A set of page frame numbers, as bitmaps of the parts that are in use; bounded. */
export class FrameSet {
  readonly #chunks = new Map<number, Uint32Array>();
  #forgot = false;

  /** True once a frame was not remembered, because the set was full. */
  get forgot(): boolean {
    return this.#forgot;
  }

  /** Adds a frame; true where it was there already. */
  seen(pfn: number): boolean {
    const key = Math.floor(pfn / CHUNK_FRAMES);
    let chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      if (this.#chunks.size >= MAX_CHUNKS) {
        this.#forgot = true;
        return false;
      }
      chunk = new Uint32Array(CHUNK_FRAMES / 32);
      this.#chunks.set(key, chunk);
    }
    const bit = pfn % CHUNK_FRAMES;
    const mask = 1 << (bit & 31);
    const word = chunk[bit >>> 5];
    chunk[bit >>> 5] = word | mask;
    return (word & mask) !== 0;
  }
}
