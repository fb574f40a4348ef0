/** Bit that marks numbers of disks beyond the older scheme, major << 8. */
const EXTENDED = 1 << 28;

/** The number of the letters in a disk's name: a is 0, z 25, aa 26. */
function lettersNumber(letters: string): number {
  let number = 0;
  for (const letter of letters) number = number * 26 + (letter.charCodeAt(0) - 96);
  return number - 1;
}

function xvdNumber(disk: number, partition: number): number | undefined {
  if (disk <= 15 && partition <= 15) return (202 << 8) | (disk << 4) | partition;
  return disk < 1 << 20 && partition < 256 ? EXTENDED | (disk << 8) | partition : undefined;
}

function ideNumber(disk: number, partition: number): number | undefined {
  if (disk > 3 || partition > 63) return undefined;
  return ((disk < 2 ? 3 : 22) << 8) | ((disk & 1) << 6) | partition;
}

function scsiNumber(disk: number, partition: number): number | undefined {
  return disk <= 15 && partition <= 15 ? (8 << 8) | (disk << 4) | partition : undefined;
}

/**
 * The number of a disk in its guest and in the host's kernel, from its name: `xvda` is 51712, `d0p1` the first
 * partition of the same disk. Undefined for an invalid name, or one out of its scheme's range. Source: Xen's
 * xen-vbd-interface(7).
 */
export function vdevNumber(name: string): number | undefined {
  const found = /^(?:d(?<number>\d{1,7})|(?<scheme>xvd|hd|sd)(?<letters>[a-z]{1,5}))(?<partition>p?\d{1,3})?$/.exec(
    name,
  )?.groups;
  if (found === undefined) return undefined;
  const { number, scheme, letters, partition: end } = found as Partial<typeof found>;
  // `d0p1`, but `xvda1`.
  if (end?.startsWith('p') === (number === undefined)) return undefined;
  const partition = end === undefined ? 0 : Number(end.replace('p', ''));
  if (number !== undefined) return xvdNumber(Number(number), partition);
  const disk = lettersNumber(letters ?? '');
  if (scheme === 'xvd') return xvdNumber(disk, partition);
  return scheme === 'hd' ? ideNumber(disk, partition) : scsiNumber(disk, partition);
}
