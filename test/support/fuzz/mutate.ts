const INTERESTING = [
  '99999999999999999999',
  '-1',
  '0',
  '\0',
  '\xff',
  '{',
  ']',
  '"',
  '\n',
  '1e999',
  '__proto__',
  '%s',
  '../',
];
const LONGEST = 256 * 1024;

/** What somebody might make of bytes that were good: a few changes at random, or nothing but noise. */
export function mutate(seeds: readonly Uint8Array[], random: () => number): Uint8Array {
  const below = (most: number): number => Math.floor(random() * most);
  const pick = (): Uint8Array => seeds[below(seeds.length)];
  if (random() < 0.05) return Uint8Array.from({ length: below(300) }, () => below(256));
  let bytes: Uint8Array = Buffer.from(pick());
  for (let changes = below(4) + 1; changes > 0; changes -= 1) {
    const at = below(bytes.length + 1);
    const to = Math.min(bytes.length, at + below(40));
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(to)];
    switch (below(6)) {
      case 0:
        if (at < bytes.length) bytes[at] ^= 1 << below(8);
        break;
      case 1:
        bytes = Buffer.concat([before, behind]);
        break;
      case 2:
        bytes = Buffer.concat([before, Buffer.from(INTERESTING[below(INTERESTING.length)], 'latin1'), behind]);
        break;
      case 3:
        bytes = Buffer.from(before);
        break;
      case 4: {
        const other = pick();
        bytes = Buffer.concat([before, other.subarray(below(other.length + 1))]);
        break;
      }
      default: {
        const again = bytes.subarray(at, to);
        bytes = Buffer.concat([before, ...Array.from({ length: below(200) }, () => again), behind]);
      }
    }
  }
  return bytes.subarray(0, LONGEST);
}
