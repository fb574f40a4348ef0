/** At most this many contents are remembered, 16 bytes each with the free half of the table: 256 MiB for 64 GiB of unlike pages. */
const MAX_ENTRIES = 1 << 24;
const START_SLOTS = 1 << 12;

/**
 * A set of 64-bit fingerprints in two flat arrays: small, and bounded. A chance collision makes one
 * page in billions count as a duplicate; it is used for statistics only.
 */
export class FingerprintSet {
  #high = new Uint32Array(START_SLOTS);
  #low = new Uint32Array(START_SLOTS);
  #size = 0;

  /** True once the bound was reached: from then on new contents are not remembered. */
  get isFull(): boolean {
    return this.#size >= MAX_ENTRIES;
  }

  /** Adds a fingerprint; true where it was there already. */
  seen(high: number, low: number): boolean {
    // An empty slot is two zeroes.
    if (high === 0 && low === 0) low = 1;
    const mask = this.#high.length - 1;
    let slot = (high ^ low) & mask;
    while (this.#high[slot] !== 0 || this.#low[slot] !== 0) {
      if (this.#high[slot] === high && this.#low[slot] === low) return true;
      slot = (slot + 1) & mask;
    }
    if (this.isFull) return false;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#size += 1;
    if (this.#size * 2 > this.#high.length) this.#grow();
    return false;
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low];
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(low.length * 2);
    this.#size = 0;
    for (let slot = 0; slot < high.length; slot += 1) {
      if (high[slot] !== 0 || low[slot] !== 0) this.seen(high[slot], low[slot]);
    }
  }
}

/** A set of page frame numbers, as bitmaps of 32 768 frames each; bounded to 64 MiB (2 TiB of guest memory). */
export class FrameSet {
  static readonly #CHUNK_FRAMES = 32_768;
  static readonly #MAX_CHUNKS = 16_384;
  readonly #chunks = new Map<number, Uint32Array>();

  /** Adds a frame; true where it was there already. */
  seen(pfn: number): boolean {
    const key = Math.floor(pfn / FrameSet.#CHUNK_FRAMES);
    let chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      if (this.#chunks.size >= FrameSet.#MAX_CHUNKS) return false;
      chunk = new Uint32Array(FrameSet.#CHUNK_FRAMES / 32);
      this.#chunks.set(key, chunk);
    }
    const bit = pfn % FrameSet.#CHUNK_FRAMES;
    const mask = 1 << (bit & 31);
    const word = chunk[bit >>> 5];
    chunk[bit >>> 5] = word | mask;
    return (word & mask) !== 0;
  }
}
