/** Powers by first letter, as libvirt scales sizes ("Memory Allocation" in its domain format). */
const LETTERS = ['k', 'm', 'g', 't', 'p', 'e'];

/** Bytes of one unit, ignoring case: `KB` is 1000, `k` and `KiB` are 1024. */
function bytesOf(unit: string): number | undefined {
  const lower = unit.toLowerCase();
  if (lower === 'b' || lower === 'byte' || lower === 'bytes') return 1;
  const power = LETTERS.indexOf(lower.charAt(0)) + 1;
  if (power === 0) return undefined;
  switch (lower.slice(1)) {
    case '':
    case 'ib':
      return 1024 ** power;
    case 'b':
      return 1000 ** power;
    default:
      return undefined;
  }
}

const KIB_PER_MIB = 1024;
/** 64 TiB: more than Xen gives one guest. */
const MAX_KIB = 64 * 1024 ** 3;

/**
 * A size in KiB, rounded up to a whole MiB as in libvirt's libxl driver (facts 3.1); undefined
 * if the text or the unit is invalid, or the size is 0 or over 64 TiB.
 */
export function parseMemoryKiB(text: string, unit = 'KiB'): number | undefined {
  const unitBytes = bytesOf(unit);
  if (!/^\d{1,20}$/.test(text) || unitBytes === undefined) return undefined;
  const kib = Math.ceil((Number(text) * unitBytes) / 1024 / KIB_PER_MIB) * KIB_PER_MIB;
  return kib > 0 && kib <= MAX_KIB ? kib : undefined;
}
