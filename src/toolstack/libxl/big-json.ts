import { randomUUID } from 'node:crypto';
import { ProtocolError } from '../../errors/errors.js';

/**
 * Prefix of the strings that represent integers beyond a double during parsing. Random, so that a text cannot contain
 * it.
 */
const STAND_IN = `integer-${randomUUID()}:`;
const STANDING_IN = new RegExp(`"${STAND_IN}(-?\\d{1,24})"`, 'g');

/** Integers of 16 digits and more are handled: 2^53 has 16. */
const MIN_DIGITS = 16;
/**
 * 2^64 has 20 digits, and JavaScript writes whole numbers with up to 21. Parsing longer ones would take more than
 * linear time.
 */
const MAX_DIGITS = 24;

/**
 * JSON whose integers have 64 bits, as libxl writes and expects them (`gfn` is often 2^64 - 1): those of 16
 * digits and more become bigints. Takes time in proportion to the text, for any text.
 * @throws ProtocolError E_PROTOCOL_LIBXL_JSON
 */
export function parseBigJson(text: string): unknown {
  const marked = markIntegers(text);
  try {
    if (marked === text) return JSON.parse(text);
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === 'string' && value.startsWith(STAND_IN) ? BigInt(value.slice(STAND_IN.length)) : value,
    );
  } catch (cause) {
    throw bad('it is not JSON', cause);
  }
}

/** The inverse of `parseBigJson`. */
export function formatBigJson(value: unknown): string {
  const marked = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `${STAND_IN}${String(part)}` : part,
  );
  return marked.replaceAll(STANDING_IN, '$1');
}

/** The text with each wide integer as a string that represents it. */
function markIntegers(text: string): string {
  const parts: string[] = [];
  let done = 0;
  let at = 0;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      at = afterString(text, at);
    } else if (isOfNumber(char)) {
      const from = at;
      while (at < text.length && isOfNumber(text.charCodeAt(at))) at += 1;
      if (!isWideInteger(text, from, at)) continue;
      parts.push(text.slice(done, from), '"', STAND_IN, text.slice(from, at), '"');
      done = at;
    } else {
      at += 1;
    }
  }
  if (done === 0) return text;
  parts.push(text.slice(done));
  return parts.join('');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** The end of a string that begins there; the end of the text if it is not terminated. */
function afterString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) return at + 1;
    if (char === BACKSLASH) at += 1;
  }
  return text.length;
}

/** Digits, and the characters of numbers that are not integers: `.`, `e`, `E`, `+`, `-`. */
function isOfNumber(char: number): boolean {
  return (char >= ZERO && char <= NINE) || char === MINUS || char === 0x2b || char === 0x2e || (char | 0x20) === 0x65;
}

function isWideInteger(text: string, from: number, to: number): boolean {
  const first = text.charCodeAt(from) === MINUS ? from + 1 : from;
  // A leading zero is not JSON, which JSON.parse reports.
  if (to - first < MIN_DIGITS || text.charCodeAt(first) === ZERO) return false;
  for (let at = first; at < to; at += 1) {
    const char = text.charCodeAt(at);
    if (char < ZERO || char > NINE) return false;
  }
  if (to - first > MAX_DIGITS) throw bad(`a number has ${to - first} digits`);
  return true;
}

function bad(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError('E_PROTOCOL_LIBXL_JSON', `a libxl configuration cannot be read: ${why}`, {
    cause,
    hint: 'The configuration comes from the host that the guest was on; check the toolstack of that host.',
  });
}
