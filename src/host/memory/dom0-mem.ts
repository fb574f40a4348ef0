/** A size in Xen's command line: bytes plus a share of the machine's memory; or all memory less that. */
interface Size {
  readonly isLess: boolean;
  readonly bytes: bigint;
  readonly percent: number;
}

/** Domain 0's memory as Xen was configured; undefined if it was not. In KiB, at most the machine's memory. */
export interface Dom0Mem {
  readonly sizeKiB: number | undefined;
  readonly minKiB: number | undefined;
  readonly maxKiB: number | undefined;
}

const UNITS: Readonly<Record<string, bigint>> = { b: 1n, k: 1n << 10n, m: 1n << 20n, g: 1n << 30n, t: 1n << 40n };
/** One number: decimal, 0x, or with a 0 in front octal, as C's strtoull reads it; then a unit or %. */
const NUMBER = /^(0x[0-9a-f]+|\d+)([bkmgt%])?/i;

/**
 * Reads `dom0_mem` on Xen's command line (xen-command-line, "dom0_mem (x86)"): a comma list of `min:SZ`, `max:SZ` and
 * `SZ`, where SZ is `[-]SIZE`, `[-][SIZE+]N%`. A size without a unit is in KiB. Later items win; an item that Xen
 * cannot parse ends its list, as in Xen.
 * @param totalKiB the machine's memory
 */
export function dom0MemOf(commandLine: string, totalKiB: number): Dom0Mem {
  const found: Record<'sz' | 'min' | 'max', Size | undefined> = { sz: undefined, min: undefined, max: undefined };
  for (const { which, size } of itemsIn(commandLine)) found[which] = size;
  const kib = (size: Size | undefined): number | undefined => (size === undefined ? undefined : inKiB(size, totalKiB));
  return { sizeKiB: kib(found.sz), minKiB: kib(found.min), maxKiB: kib(found.max) };
}

/** Whether the command line fixes domain 0's memory: then it is not to be changed. */
export function limitsDom0(commandLine: string): boolean {
  return itemsIn(commandLine).length > 0;
}

interface Item {
  readonly which: 'sz' | 'min' | 'max';
  readonly size: Size;
}

function itemsIn(commandLine: string): Item[] {
  const items: Item[] = [];
  for (const list of listsIn(commandLine)) {
    for (const item of list.split(',')) {
      const [, which, text] = /^(min:|max:)?(.*)$/s.exec(item) ?? [];
      const size = parseSize(text);
      if (size === undefined) break;
      items.push({ which: which === 'min:' ? 'min' : which === 'max:' ? 'max' : 'sz', size });
    }
  }
  return items;
}

/**
 * The values of all `dom0_mem=`, in their order: separate arguments, possibly quoted; those after `--` are the
 * kernel's.
 */
function listsIn(commandLine: string): string[] {
  const words = commandLine.split(/\s+/);
  const end = words.indexOf('--');
  return (end < 0 ? words : words.slice(0, end))
    .map((word) => word.replace(/["']/g, ''))
    .filter((word) => word.startsWith('dom0_mem='))
    .map((word) => word.slice('dom0_mem='.length));
}

function parseSize(text: string): Size | undefined {
  const isLess = text.startsWith('-');
  const parts = (isLess ? text.slice(1) : text).split('+');
  if (parts.length > 2) return undefined;
  let bytes = 0n;
  let percent: number | undefined;
  for (const part of parts) {
    const [whole, number, unit = 'k'] = NUMBER.exec(part) ?? [];
    // The share is last, and each part occurs once.
    if (whole !== part || percent !== undefined) return undefined;
    const value = BigInt(/^0[0-7]+$/.test(number) ? `0o${number.slice(1)}` : number.toLowerCase());
    if (unit === '%') {
      if (value >= 100n) return undefined;
      percent = Number(value);
    } else {
      bytes = value * UNITS[unit.toLowerCase()];
    }
  }
  // Two sizes are invalid.
  if (parts.length === 2 && percent === undefined) return undefined;
  return { isLess, bytes, percent: percent ?? 0 };
}

function inKiB({ isLess, bytes, percent }: Size, totalKiB: number): number {
  const total = BigInt(Math.floor(totalKiB));
  const size = bytes / 1024n + (total * BigInt(percent)) / 100n;
  const kib = isLess ? total - size : size;
  return Number(kib < 0n ? 0n : kib > total ? total : kib);
}
