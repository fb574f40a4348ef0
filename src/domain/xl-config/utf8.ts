/*
 * Bytes as text without loss: a byte that is not UTF-8 becomes a lone low surrogate, which no valid text contains (as
 * in Python's `surrogateescape`). The reader of the text decides whether it is allowed at its place.
 */

const FIRST = 0xdc80;
const LAST = 0xdcff;
const OFFSET = 0xdc00;

/** Bytes of the character at `at`; 0 if they are not UTF-8 (RFC 3629). */
function charBytes(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  // Neither longer than needed, nor a surrogate, nor beyond the last character.
  const second = bytes[at + 1];
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let index = at + 2; index < at + length; index += 1) if ((bytes[index] & 0xc0) !== 0x80) return 0;
  return length;
}

/** Decodes UTF-8, keeping invalid bytes as lone low surrogates. */
export function decodeKeeping(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parts: string[] = [];
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = charBytes(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    parts.push(decoder.decode(bytes.subarray(start, at)), String.fromCharCode(OFFSET + bytes[at]));
    at += 1;
    start = at;
  }
  return [...parts, decoder.decode(bytes.subarray(start))].join('');
}

/** Whether a character represents an invalid byte. */
export function isWrongByte(char: string): boolean {
  const code = char.charCodeAt(0);
  return code >= FIRST && code <= LAST;
}

/** The byte that such a character represents. */
export function byteOf(char: string): number {
  return char.charCodeAt(0) - OFFSET;
}
