/**
 * 64 GiB of different pages. With the free half of the table, 16 bytes each: 256 MiB, and half as much again while it
 * grows.
 */
const MAX_ENTRIES = 1 << 24;
const START_SLOTS = 1 << 12;
/** By chance a half-full table has runs of a few dozen; longer ones are crafted to slow every search down. */
const MAX_PROBES = 256;

/** A set of 64-bit fingerprints in two flat arrays: small, and bounded in memory and in time. */
export class FingerprintSet {
  #high = new Uint32Array(START_SLOTS);
  #low = new Uint32Array(START_SLOTS);
  #size = 0;
  #forgot = false;

  constructor(private readonly maxEntries = MAX_ENTRIES) {}

  /** True once a fingerprint was not remembered, because the set was full or its place too crowded. */
  get forgot(): boolean {
    return this.#forgot;
  }

  /** Adds a fingerprint of two unsigned 32-bit halves; true where it was there already. */
  seen(high: number, low: number): boolean {
    // An empty slot is two zeroes.
    if (high === 0 && low === 0) low = 1;
    const slot = this.#find(high, low);
    if (slot !== undefined && (this.#high[slot] !== 0 || this.#low[slot] !== 0)) return true;
    if (slot === undefined || this.#size >= this.maxEntries) {
      this.#forgot = true;
      return false;
    }
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#size += 1;
    if (this.#size * 2 > this.#high.length) this.#grow();
    return false;
  }

  /** The slot of a fingerprint, or the free one it belongs in; undefined where neither is near. */
  #find(high: number, low: number): number | undefined {
    const mask = this.#high.length - 1;
    let slot = (high ^ low) & mask;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      const [h, l] = [this.#high[slot], this.#low[slot]];
      if ((h === high && l === low) || (h === 0 && l === 0)) return slot;
      slot = (slot + 1) & mask;
    }
    return undefined;
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
