/** More processors than any Xen host has (its own limit is 4095), so that sets are bounded. */
export const MAX_CPUS = 4096;

/**
 * The longest text that is parsed as a set; the canonical form of every second processor, the longest one, has 10 KB.
 */
const MAX_TEXT = 64 * 1024;

/** An immutable set of processors, 0 to 4095. It takes at most 512 bytes. In JSON it is a list of numbers. */
export class CpuSet implements Iterable<number> {
  static readonly NONE = new CpuSet(0n);
  static readonly ALL = CpuSet.range(0, MAX_CPUS - 1);

  /** @param bits bit N is on where processor N is in the set */
  private constructor(readonly bits: bigint) {}

  /** The set of these numbers; those out of range are left out. */
  static of(cpus: Iterable<number>): CpuSet {
    const bytes = new Uint8Array(MAX_CPUS / 8);
    for (const cpu of cpus) if (isCpu(cpu)) bytes[cpu >> 3] |= 1 << (cpu & 7);
    return CpuSet.fromBytes(bytes);
  }

  /** The numbers from `from` to `to`, both included, within 0 to 4095. */
  static range(from: number, to: number): CpuSet {
    return new CpuSet(rangeBits(from, to));
  }

  /**
   * From a bitmap whose first byte holds processors 0 to 7, 0 in its lowest bit. Bits beyond the last processor are
   * ignored.
   */
  static fromBytes(bytes: Uint8Array): CpuSet {
    const kept = Buffer.from(bytes.subarray(0, MAX_CPUS / 8)).reverse();
    return kept.length === 0 ? CpuSet.NONE : new CpuSet(BigInt(`0x${kept.toString('hex')}`));
  }

  /** The opposite of `fromBytes`; at least one byte. */
  toBytes(): Uint8Array {
    const hex = this.bits.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').reverse();
  }

  get isEmpty(): boolean {
    return this.bits === 0n;
  }

  get size(): number {
    let size = 0;
    for (const byte of this.toBytes()) for (let left = byte; left !== 0; left &= left - 1) size += 1;
    return size;
  }

  has(cpu: number): boolean {
    return isCpu(cpu) && ((this.bits >> BigInt(cpu)) & 1n) === 1n;
  }

  equals(other: CpuSet): boolean {
    return this.bits === other.bits;
  }

  /** The members below `count`. */
  below(count: number): CpuSet {
    return count <= 0 ? CpuSet.NONE : new CpuSet(this.bits & rangeBits(0, Math.min(count, MAX_CPUS) - 1));
  }

  union(other: CpuSet): CpuSet {
    return new CpuSet(this.bits | other.bits);
  }

  without(other: CpuSet): CpuSet {
    return new CpuSet(this.bits & ~other.bits);
  }

  /** The highest member; undefined for an empty set. */
  get last(): number | undefined {
    return this.isEmpty ? undefined : this.bits.toString(2).length - 1;
  }

  /** The members, ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const [index, byte] of this.toBytes().entries()) {
      for (let bit = 0; bit < 8; bit += 1) if (((byte >> bit) & 1) === 1) yield index * 8 + bit;
    }
  }

  toJSON(): readonly number[] {
    return [...this];
  }
}

function isCpu(cpu: number): boolean {
  return Number.isInteger(cpu) && cpu >= 0 && cpu < MAX_CPUS;
}

function rangeBits(from: number, to: number): bigint {
  return ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);
}

/**
 * Parses libvirt's cpuset: numbers and ranges separated by commas, `^N` removes one (`0-7,^3`).
 * Undefined if the text is invalid, longer than any set needs, or empty, or leaves no processor.
 */
export function parseCpuSet(text: string): CpuSet | undefined {
  if (text.length > MAX_TEXT) return undefined;
  let set = CpuSet.NONE;
  for (const part of text.split(',')) {
    const match = /^(?:\^(\d{1,4})|(\d{1,4})(?:-(\d{1,4}))?)$/.exec(part.trim());
    if (match === null) return undefined;
    const [out, first, end] = match.slice(1).map((digits: string | undefined) => digits && Number(digits));
    if (typeof out === 'number') {
      if (isCpu(out)) set = set.without(CpuSet.range(out, out));
      continue;
    }
    const from = Number(first);
    const to = typeof end === 'number' ? end : from;
    if (to < from || !isCpu(to)) return undefined;
    set = set.union(CpuSet.range(from, to));
  }
  return set.isEmpty ? undefined : set;
}

/** The set as text in the shortest form: `0-2,4`. */
export function formatCpuSet(set: CpuSet): string {
  const ranges: string[] = [];
  let start = -1;
  let end = -1;
  const close = (): void => {
    if (start >= 0) ranges.push(start === end ? String(start) : `${start}-${end}`);
  };
  for (const cpu of set) {
    if (cpu !== end + 1 || start < 0) {
      close();
      start = cpu;
    }
    end = cpu;
  }
  close();
  return ranges.join(',');
}
