/** Bytes of each unit that libvirt's `<memory unit=>` knows ("Memory Allocation" in its domain format). */
const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

const KIB_PER_MIB = 1024;
/** 64 TiB: more than Xen gives one guest. */
const MAX_KIB = 64 * 1024 ** 3;

/**
 * A size in KiB, rounded up to a whole MiB as libvirt's libxl driver does (FEATURES 3.1); undefined
 * where the text or the unit is none, or the size is 0 or over 64 TiB.
 */
export function parseMemoryKiB(text: string, unit = 'KiB'): number | undefined {
  if (!/^\d{1,20}$/.test(text) || !Object.hasOwn(UNITS, unit)) return undefined;
  const kib = Math.ceil((Number(text) * UNITS[unit]) / 1024 / KIB_PER_MIB) * KIB_PER_MIB;
  return kib > 0 && kib <= MAX_KIB ? kib : undefined;
}
